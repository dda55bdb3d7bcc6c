import { coreContract } from "../conformance/contract/contract.ts";
import { extendContract, extension } from "../conformance/contract/extend.ts";
import type { Proposal } from "../conformance/proposal/proposal.ts";
import { checked } from "../contracts/rule-text.ts";
import { proposal } from "../contracts/source.ts";
import { createOwn, refer } from "../spec/operations/define.ts";
import { field, table } from "../spec/state/schema.ts";

// To copy: one operation, one table, one rule, and a run that finds out that nobody does what it promises.
const own = extension({ name: "hold-still", state: { holds: table({ buffer: field<string>() }) } });

const contract = extendContract(coreContract, {
  ...own,
  operations: {
    holdStill: own.operation({
      summary: "Asks that a buffer stays where it is.",
      fields: { buffer: refer("buffer"), hold: createOwn("holds") },
      run: () => 0,
      print: (of) => `hold ${of.buffer} still as ${of.hold}`,
    }),
  },
  fold: ({ changes }) =>
    changes({
      "ret holdStill": ({ hold, buffer }, { holds }) => void holds.set(hold, { buffer }),
    }),
  near: { export: 1, move: 1, evict: 1 },
  rules: ({ on, own: tables }) => [
    {
      id: "HOLD-01",
      level: "MUST",
      obliged: ["exporter"],
      statement: "A buffer that is held still is not moved.",
      intent: "Somebody counts on its address.",
      sources: [proposal("the template")],
      hints: ["Does move look at the holds?"],
      status: checked,
      monitor: on({
        "ret move"(event, state, verdict) {
          const held = [...tables(state).holds.values()].some(({ buffer }) => buffer === event.buffer);
          if (!held) return;
          verdict.exercised();
          if (event.errno === 0) verdict.violated(`${event.buffer} is held still and was moved`);
        },
      }),
    },
  ],
});

const template: Proposal = {
  name: "hold-still",
  about: "A buffer can be asked to stay where it is.",
  contract,
  thread: [],
  expectations: [{ rule: "HOLD-01", verdict: "violated", source: "No exporter knows of it yet." }],
};

export default template;
