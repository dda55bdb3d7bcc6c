// Subjects in this process: what a program needs to run on them.

export { execute, type Execution, type Observer } from "../harness/execute.ts";
export { ReplayChooser, type Admit } from "../harness/replay-chooser.ts";
export type { Chooser } from "../harness/chooser.ts";
export type { Factory, System } from "../harness/system.ts";
