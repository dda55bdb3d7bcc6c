import { parentPort } from "node:worker_threads";
import type { Progress, Watch } from "../conformance/campaign/campaign.ts";
import { counterexamplesOf, jointCounterexamples } from "../conformance/campaign/counterexamples.ts";
import { prepareCampaign, type Prepared, type PrepareOptions } from "../conformance/campaign/prepare.ts";
import { runSlice } from "../conformance/campaign/slice.ts";
import { BadInput } from "../spec/bad-input.ts";
import type { Answers, SubjectRef, Work, WorkerMessage } from "./requests.ts";
import { findSubjects } from "./subjects.ts";

/** Milliseconds between two signs of life. */
const pulse = 200;

function send(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

function beating(): Watch {
  let last = performance.now();
  let fresh: number[] = [];
  return {
    found: (find) => send({ kind: "found", find }),
    progress: (now: Progress) => {
      fresh.push(...now.fresh);
      if (performance.now() - last < pulse) return;
      last = performance.now();
      const times = now.exercises.map((exercise) => exercise.times);
      const inPrograms = now.exercises.map((exercise) => exercise.programs);
      const { slice, programs, operations } = now;
      send({ kind: "beat", beat: { slice, programs, operations, fresh, times, inPrograms } });
      fresh = [];
    },
  };
}

async function prepared({ word, index }: SubjectRef, options: PrepareOptions): Promise<Prepared> {
  return prepareCampaign((await findSubjects(word))[index]!, options);
}

async function perform(work: Work): Promise<Answers[Work["kind"]]> {
  switch (work.kind) {
    case "subjects":
      return (await findSubjects(work.word)).map((subject) => prepareCampaign(subject, work.options).subject.name);
    case "slice":
      return runSlice((await prepared(work.subject, work.options)).campaign, work.slice, beating());
    case "shrink": {
      const { campaign } = await prepared(work.subject, work.options);
      return counterexamplesOf(campaign, work, [], () => send({ kind: "beat", beat: null }));
    }
    case "joint":
      return jointCounterexamples((await prepared(work.subject, work.options)).campaign, work.findings, []);
  }
}

parentPort?.on("message", (work: Work) => {
  const started = performance.now();
  void perform(work).then(
    (answer) => send({ kind: "done", answer, seconds: (performance.now() - started) / 1000 }),
    (error: unknown) => {
      const isKnown = error instanceof BadInput;
      const text = error instanceof Error ? error.message : String(error);
      send({ kind: "refused", text: isKnown ? text : `harness error: ${text}`, known: isKnown });
    },
  );
});
