/** Pieces that the schemas of several commands share. */
import { z } from 'zod';

/**
 * An object that accepts further fields when read, yet is closed as a type: with zod's own
 * `looseObject` a misspelt field would type-check as `unknown`.
 */
export function open<Shape extends z.core.$ZodLooseShape>(shape: Shape): z.ZodObject<Shape> {
  return z.looseObject(shape) as unknown as z.ZodObject<Shape>;
}

/** A whole number of things, at least 0. */
export const count = z.int().nonnegative();

/** A measured or averaged size, at least 0; may have a fraction. */
export const amount = z.number().nonnegative();

/** Lower and upper end. */
export const interval = z.tuple([z.number(), z.number()]);
/** Something that has a name. */
export const name = z.string().min(1);

/** A distribution as the contract defines it. */
export const distributionSchema = open({
  samples: count,
  min: z.number(),
  p50: z.number(),
  p90: z.number(),
  p99: z.number(),
  p999: z.number(),
  max: z.number(),
  mean: z.number(),
  ci95: interval,
});
