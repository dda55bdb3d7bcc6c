/**
 * `npm run exercise`: every checked rule has to decide something at least ten times in at least three programs,
 * in every profile in which it holds, on the unmutated reference, and none may break; no answer may be left unexplained.
 * `-- --slice` takes the newest profile only, with a smaller budget.
 */
import { script } from "../cli/words/script.ts";
import { positiveWhole } from "../cli/words/values.ts";
import { exerciseFloor } from "../conformance/campaign/campaign.ts";
import { runCampaign } from "../conformance/campaign/run-campaign.ts";
import { prepareCampaign } from "../conformance/campaign/prepare.ts";
import { referenceSubject } from "../conformance/reference-subject.ts";
import { describeDifference } from "../conformance/unexplained.ts";
import { monitored } from "../contracts/registry.ts";
import type { Rule } from "../contracts/rule.ts";
import { hasWhatItNeeds } from "../conformance/manifest.ts";
import { profiles, seriesNames, type Series } from "../spec/profile.ts";

const { slice: isSlice, budget = isSlice ? 800_000 : 900_000 } = script(
  "exercise",
  "every rule has to decide something",
)
  .option("--slice", "one series only, with a smaller budget", false)
  .option("--budget <n>", "operations of a series", positiveWhole)
  .parse()
  .opts<{ readonly slice: boolean; readonly budget?: number }>();

/** What one series showed: how often each rule decided something, and what went wrong. */
interface Shown {
  readonly counts: ReadonlyMap<Rule, { times: number; programs: number }>;
  readonly trouble: readonly string[];
  readonly operations: number;
}

/** A series is exercised with its move-notify switch off and on, where it has one. */
function settingsOf(series: Series): readonly string[] {
  return profiles[series].moveNotify === "always" ? [series] : [series, `${series}+moveNotify`];
}

async function exercise(series: Series): Promise<Shown> {
  const counts = new Map<Rule, { times: number; programs: number }>();
  const trouble: string[] = [];
  let operations = 0;
  const rules = monitored(series).filter((rule) => hasWhatItNeeds(profiles[series], rule));
  for (const profileName of settingsOf(series)) {
    const settings = { profile: profileName, seed: 1, budget: budget / settingsOf(series).length };
    const { campaign } = prepareCampaign(referenceSubject, settings);
    const findings = await runCampaign({ ...campaign, rules, scored: new Set(rules.map((rule) => rule.id)) });
    operations += findings.operations;
    for (const rule of rules) {
      const { times, programs } = findings.exercised[rule.id]!;
      const known = counts.get(rule) ?? { times: 0, programs: 0 };
      counts.set(rule, { times: known.times + times, programs: known.programs + programs });
    }
    for (const find of findings.finds) trouble.push(`${profileName} ${find.rule} broke: ${find.why}`);
    for (const difference of findings.unexplained)
      trouble.push(`${profileName} unexplained: ${difference.text}: ${describeDifference(difference)}`);
    if (findings.fault !== null) trouble.push(`${profileName}: ${findings.fault.text}`);
  }
  return { counts, trouble, operations };
}

let bad = 0;
let total = 0;
for (const series of isSlice ? (["K7.1"] as const) : seriesNames) {
  const { counts, trouble, operations } = await exercise(series);
  const low = [...counts].filter(
    ([, { times, programs }]) => times < exerciseFloor.times || programs < exerciseFloor.programs,
  );
  for (const [rule, { times, programs }] of low)
    console.log(`${series} ${rule.id}: ${times} times in ${programs} programs`);
  for (const text of trouble) console.log(text);
  bad += low.length + trouble.length;
  total += counts.size;
  console.log(
    `${series}: ${counts.size - low.length} of ${counts.size} rules at the floor after ${operations} operations`,
  );
}
console.log(`${total - bad} of ${total} rules exercised and kept${isSlice ? " (slice)" : ""}`);
process.exitCode = bad === 0 ? 0 : 1;
