/**
 * Schemas of a machine's state at a moment, as rows: what a picture of it is drawn from. A sequence of
 * moments is one whole frame and then changes.
 */
import { z } from 'zod';
import { count, name, open } from './results-parts.ts';

/** Each object of a slab: -1 free, 0 nobody's, else row of the memcg, or of the obj_cgroup, that owns it. */
const objectsSchema = z.array(z.int().min(-1));

const memcgSchema = open({
  row: count,
  name,
  /** Row of the parent, 0 for the root. */
  parent: count,
  state: z.enum(['online', 'dying', 'offline', 'released']),
  /** Pages charged to it and to all below it; below zero where an explored design lost count. */
  pages: z.int(),
  /** References on it; below zero while a CPU's share is not there yet. */
  css: z.int(),
});

const cacheSchema = open({
  row: count,
  name,
  /** Row of its root cache, 0 for a root cache. */
  root: count,
  /** Row of the memcg that owns it, 0 for a root cache. */
  memcg: count,
  state: z.enum(['active', 'deactivated', 'killed', 'shut']),
  slabs: z.int(),
});

const pageSchema = open({
  row: count,
  cache: count,
  /** Row of the memcg that the slab is accounted to; 0 where its objects have owners, or nobody has. */
  memcg: count,
  objects: objectsSchema,
});

const objcgSchema = open({ row: count, name, memcg: count, state: z.enum(['live', 'killed']) });

/** A machine at a moment. */
export const frameSchema = open({
  memcgs: z.array(memcgSchema),
  caches: z.array(cacheSchema),
  pages: z.array(pageSchema),
  /** Empty where a design has none. */
  objcgs: z.array(objcgSchema),
  /** Slab rows that were ever used: what a pass over the memmap goes through. */
  rows: count,
});

const goneSchema = z.array(count);

/** What is different from the moment before: rows that are new or changed, and numbers of rows that are gone. */
export const frameChangeSchema = open({
  memcgs: z.array(memcgSchema).optional(),
  caches: z.array(cacheSchema).optional(),
  pages: z.array(pageSchema).optional(),
  objcgs: z.array(objcgSchema).optional(),
  gone: open({
    memcgs: goneSchema.optional(),
    caches: goneSchema.optional(),
    pages: goneSchema.optional(),
    objcgs: goneSchema.optional(),
  }).optional(),
  rows: count.optional(),
});

/** A row that is looked at or written. A css is the reference count of a memcg; a memcg is all else about it. */
const touchSchema = open({
  kind: z.enum(['page', 'cache', 'memcg', 'css', 'objcg']),
  row: count,
  how: z.enum(['read', 'write']),
});

/** Moments of a schedule that is told. */
export const framesSchema = open({
  /** Before the first step. */
  first: frameSchema,
  /** After a told step, by its place among `steps`; steps that show nowhere in the picture are left out. */
  moments: z.array(
    open({
      step: count,
      change: frameChangeSchema.optional(),
      /** The row that the step is about. */
      touched: touchSchema.optional(),
    }),
  ),
}).meta({ id: 'frames' });

/** A machine at a moment. */
export type Frame = z.infer<typeof frameSchema>;
/** A memcg in a frame. */
export type FrameMemcg = z.infer<typeof memcgSchema>;
/** A kmem_cache in a frame. */
export type FrameCache = z.infer<typeof cacheSchema>;
/** A slab in a frame. */
export type FramePage = z.infer<typeof pageSchema>;
/** An obj_cgroup in a frame. */
export type FrameObjcg = z.infer<typeof objcgSchema>;
/** A row that is looked at or written. */
export type Touch = z.infer<typeof touchSchema>;
/** What is different from the moment before. */
export type FrameChange = z.infer<typeof frameChangeSchema>;
/** Moments of a schedule that is told. */
export type Frames = z.infer<typeof framesSchema>;
