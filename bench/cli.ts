#!/usr/bin/env node
/** The program: runs the command line that it was started with, and ends with its exit code. */
import { explain, main, print, toleratePipes } from './main.ts';

toleratePipes();
process.on('uncaughtException', (error) => process.exit(explain(error)));
const exitCode = await main(process.argv.slice(2));
await print(''); // help and version text may still be on its way
process.exit(exitCode);
