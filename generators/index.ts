// Programs: drawn while they run, explored exhaustively in small worlds, and shrunk.

export { OnlineChooser } from "./online-chooser.ts";
export { Random } from "./random.ts";
export { drawTemper, type Temper } from "./temper.ts";
export { drawSetup, type Kinds } from "./world-shape.ts";
export { programArbitrary } from "./arbitrary.ts";
export { everySchedule } from "./schedule/every-schedule.ts";
export { shrink, type ShrinkResult } from "./shrink/shrink.ts";
export { explore, type ExploreOptions } from "./explore/explore.ts";
export type { Counts, Edges, Graph, Place } from "./explore/graph.ts";
export type { Instance } from "./explore/instances.ts";
export { Script } from "./explore/script.ts";
export { Walk } from "./explore/walk.ts";
