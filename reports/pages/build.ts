/** Chooses the page that belongs to a record. */
import type { ResultRecord } from '../record.ts';
import { capacityPage } from './capacity.ts';
import { claimsPage } from './claims.ts';
import { comparePage } from './compare.ts';
import { diffPage } from './diff.ts';
import { doctorPage } from './doctor.ts';
import { explorePage } from './explore.ts';
import { geometryPage } from './geometry.ts';
import { hostPage } from './host.ts';
import { leakPage } from './leak.ts';
import type { Page } from './page.ts';
import { replayPage } from './replay.ts';
import { runPage } from './run.ts';
import { selftestPage } from './selftest.ts';
import { stormPage } from './storm.ts';

/** Builds the page of a record of any command. */
export function buildPage(record: ResultRecord): Page {
  switch (record.command) {
    case 'compare':
      return comparePage(record);
    case 'run':
      return runPage(record);
    case 'geometry':
      return geometryPage(record);
    case 'doctor':
      return doctorPage(record);
    case 'capacity':
      return capacityPage(record);
    case 'storm':
      return stormPage(record);
    case 'selftest':
      return selftestPage(record);
    case 'host':
      return hostPage(record);
    case 'replay':
      return replayPage(record);
    case 'explore':
      return explorePage(record);
    case 'claims':
      return claimsPage(record);
    case 'leak':
      return leakPage(record);
    case 'diff':
      return diffPage(record);
  }
}
