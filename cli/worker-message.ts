import type { Report } from "../conformance/report.ts";
import type { Program } from "../spec/program.ts";

/** What a worker that runs an adapter tells the command that started it. */
export type WorkerMessage =
  | { readonly kind: "loaded"; readonly names: readonly string[] }
  | { readonly kind: "progress"; readonly index: number; readonly programs: number; readonly operations: number }
  | { readonly kind: "found"; readonly rule: string; readonly why: string; readonly program: Program }
  | { readonly kind: "report"; readonly index: number; readonly report: Report }
  | { readonly kind: "refused"; readonly text: string; readonly known: boolean }
  | { readonly kind: "done" };
