/** A worker that goes wrong in every way a worker can. */
export function fine(value: number): number {
  return value + 1;
}

export function throws(): never {
  throw new RangeError('the machine is on fire');
}

/** Never yields: only the deadline can end it. */
export function hangs(): never {
  for (;;);
}

export function exits(): never {
  process.exit(7);
}
