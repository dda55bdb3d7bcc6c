import { coreContract, createOwn, extendContract, extension, field, refer, table } from "../conformance/index.ts";
import type { Proposal } from "../conformance/index.ts";

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
  fold: ({ changes }) => changes({ "ret holdStill": ({ hold, buffer }, { holds }) => holds.set(hold, { buffer }) }),
  near: { export: 1, move: 1, evict: 1 },
  rules: ({ must, on, own: tables }) => [
    must({
      id: "HOLD-01",
      obliged: ["exporter"],
      statement: "A buffer that is held still is not moved.",
      intent: "Somebody counts on its address.",
      hints: ["Does move look at the holds?"],
      monitor: on({
        "ret move"({ buffer, errno }, state, verdict) {
          if (![...tables(state).holds.values()].some((hold) => hold.buffer === buffer)) return;
          verdict.exercised();
          if (errno === 0) verdict.violated(`${buffer} is held still and was moved`);
        },
      }),
    }),
  ],
});

export default {
  name: "hold-still",
  about: "A buffer can be asked to stay where it is.",
  contract,
  expectations: [{ rule: "HOLD-01", verdict: "violated", source: "No exporter knows of it yet." }],
} satisfies Proposal;
