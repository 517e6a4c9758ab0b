/** Everything that other folders, and users of `slabsplice/reports`, may build on. */
export type { Interval } from './bootstrap.ts';
export { DiffError, type DiffOptions, type DiffSide, diffRecords } from './diff/diff.ts';
export {
  formatBytes,
  formatCount,
  formatCounted,
  formatExponent,
  formatInterval,
  formatNs,
  formatNsRange,
  formatNumber,
  formatRatio,
  formatShare,
} from './format.ts';
export type { Asset, PageAssets } from './html/document.ts';
export { renderMachine } from './html/machine.ts';
export { renderHtml } from './html/render.ts';
export { renderKtap } from './ktap.ts';
export { cellValues, type LeakFrame, sortRuns, summariseLeak } from './leak-summary.ts';
export { renderMarkdown } from './markdown.ts';
export { MEMORY_PARTS } from './memory-parts.ts';
export { renderOpenMetrics } from './openmetrics.ts';
export type {
  Bars,
  Chart,
  HeatMap,
  Page,
  Series,
  Setting,
  Trace,
  TraceLine,
} from './pages/page.ts';
export { hodgesLehmann, mannWhitney, type RankTest } from './rank-test.ts';
export {
  type CapacityRecord,
  type Check,
  type ClaimsRecord,
  type Command,
  type CompareRecord,
  type DiffRecord,
  type DoctorRecord,
  type Environment,
  type ExploreRecord,
  type GeometryRecord,
  type HostRecord,
  type LeakRecord,
  parseRecord,
  RECORD_SCHEMA,
  RecordError,
  type ReplayRecord,
  type ResultRecord,
  recordJsonSchema,
  recordSchema,
  type SelftestRecord,
  type StormRecord,
  validateRecord,
} from './record.ts';
export type {
  CapacityResults,
  CompareResults,
  DoctorResults,
  Finding,
  FootprintResult,
  GeometryCache,
  GeometryFigures,
  GeometryResults,
  GrowthResult,
  HotPathResult,
  InterferenceResult,
  LeftBehindResult,
  OfflineResult,
  RatioResult,
  SelfCheckResult,
  StepCounts,
} from './results.ts';
export type {
  ClaimFigure,
  ClaimResult,
  ClaimSearch,
  ClaimsResults,
  ClaimVerdict,
  ClaimWitness,
} from './results-claims.ts';
export type { DiffComparison, DiffGroup, DiffResults } from './results-diff.ts';
export type {
  ExploreFinding,
  ExploreMutant,
  ExploreResults,
  ExploreScenario,
  ExploreStep,
  ExploreViolation,
} from './results-explore.ts';
export type { HostResults } from './results-host.ts';
export type {
  LeakPublished,
  LeakResults,
  LeakRun,
  LeakSeries,
  LeakSweep,
} from './results-leak.ts';
export type { ReplayResults, ReplaySeries } from './results-replay.ts';
export type { SelftestResults, SelftestTest } from './results-selftest.ts';
export type {
  RemoteResult,
  ScalingResult,
  StallResult,
  StormAudit,
  StormComparison,
  StormResult,
  StormResults,
  StormViolation,
  WorkerFailure,
} from './results-storm.ts';
export {
  type Distribution,
  distribution,
  type GrowthEstimate,
  type GrowthPoint,
  growthExponent,
  median,
  type OutlierCounts,
  outliers,
  quantile,
  type RatioEstimate,
  ratioOfMedians,
} from './statistics.ts';
export { type ChartOptions, renderChart } from './terminal/chart.ts';
export { type CourseStream, LiveCourse } from './terminal/live-course.ts';
export { renderTerminal, type TerminalOptions } from './terminal/page.ts';
export { wrap } from './terminal/text.ts';
export { type CompareOptions, type Comparison, compareRounds, type Verdict } from './verdict.ts';
export { compareWords } from './words.ts';
