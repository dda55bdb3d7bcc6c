/**
 * `npm run spin`: explores the Promela twins in test/promela with Spin (Debian package `spin`, and a C compiler) and the
 * scopes with our explorer. Both must count the same states and transitions, without symmetry on either side; states per
 * CPU second of both are printed. `-- --quick` takes the small sizes only. Where Spin is missing: `not measured: no spin`.
 */
import { fileURLToPath } from "node:url";
import { script } from "../cli/words/script.ts";
import { wholeNumber } from "../cli/words/values.ts";
import {
  fencesTwin,
  isSpinThere,
  lockingTwin,
  run,
  withOurs,
  withSpin,
  type Figures,
  type Twin,
} from "../bench/spin.ts";

const quick: readonly Twin[] = [
  lockingTwin(2, 2),
  lockingTwin(3, 2),
  fencesTwin(1, 1, 1),
  fencesTwin(2, 1, 1),
  fencesTwin(2, 2, 2),
];
const { quick: isQuick, only } = script("spin", "scopes against their Promela twins")
  .option("--quick", "the small sizes only", false)
  .option("--only <n>", "count one with our explorer, and nothing else", wholeNumber)
  .parse()
  .opts<{ readonly quick: boolean; readonly only?: number }>();
const twins = isQuick ? quick : [...quick, lockingTwin(3, 3)];

/** Our explorer in a process of its own, as Spin's: code that has seen many scopes is slower. */
function apart(twin: Twin): Figures {
  const words = [fileURLToPath(import.meta.url), "--only", `${twins.indexOf(twin)}`];
  return JSON.parse(run(process.execPath, isQuick ? [...words, "--quick"] : words, ".")) as Figures;
}

function rate({ states, seconds }: Figures): string {
  return seconds < 0.05 ? "too short" : `${(states / seconds / 1e6).toFixed(2)} M/s`;
}

if (only !== undefined) console.log(JSON.stringify(withOurs(twins[only]!)));
else if (isSpinThere()) {
  let different = 0;
  let ratio = "not measured";
  for (const twin of twins) {
    const [spin, ours] = [withSpin(twin), apart(twin)];
    const equal = spin.states === ours.states && spin.transitions === ours.transitions;
    if (!equal) different += 1;
    const counts = Object.entries(twin.scope.ids)
      .map(([type, count]) => `${count} ${type}`)
      .join(", ");
    console.log(
      `${twin.scope.name} (${counts}): ${ours.states} states, ${ours.transitions} transitions${equal ? "" : `; SPIN: ${spin.states}, ${spin.transitions}`}; spin ${rate(spin)}, ours ${rate(ours)}`,
    );
    if (spin.seconds >= 0.05) ratio = `${(spin.seconds / ours.seconds).toFixed(2)} x spin`;
  }
  console.log(`${twins.length - different} of ${twins.length} twins equal, ${ratio}`);
  process.exitCode = different === 0 ? 0 : 1;
} else console.log("not measured: no spin");
