import { parentPort, workerData } from "node:worker_threads";
import { check, type CheckOptions } from "../conformance/check.ts";
import type { Progress } from "../conformance/campaign/campaign.ts";
import type { Find } from "../conformance/campaign/findings.ts";
import { BadInput } from "../spec/bad-input.ts";
import type { WorkerMessage } from "./worker-message.ts";
import { loadSubject } from "./subjects.ts";

interface WorkerInput {
  readonly path: string;
  readonly options: CheckOptions;
}

function send(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

function found({ rule, why, program }: Find): void {
  send({ kind: "found", rule, why, program });
}

const { path, options } = workerData as WorkerInput;
try {
  const subjects = await loadSubject(path);
  send({ kind: "loaded", names: subjects.map((subject) => subject.name) });
  for (const [index, subject] of subjects.entries()) {
    const watch = {
      found,
      progress: ({ programs, operations }: Progress) => send({ kind: "progress", index, programs, operations }),
    };
    send({ kind: "report", index, report: await check(subject, { ...options, watch }) });
  }
  send({ kind: "done" });
} catch (error) {
  const known = error instanceof BadInput;
  send({
    kind: "refused",
    text: known ? error.message : `harness error: ${error instanceof Error ? error.message : String(error)}`,
    known,
  });
}
