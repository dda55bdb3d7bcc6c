// Programs: drawn while they run, and shrunk.

export { OnlineChooser } from "./online-chooser.ts";
export { Random } from "./random.ts";
export { drawTemper, type Temper } from "./temper.ts";
export { drawSetup, type Kinds } from "./world-shape.ts";
export { programArbitrary } from "./arbitrary.ts";
export { shrink, type ShrinkResult } from "./shrink/shrink.ts";
