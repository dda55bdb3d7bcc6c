/**
 * `npm run exercise`: every checked rule has to decide something at least ten times in at least three programs,
 * in every profile in which it holds, on the unmutated reference, and none may break; no answer may be left unexplained.
 * `-- --slice` takes the newest profile only, with a smaller budget.
 */
import { runCampaign, exerciseFloor } from "../conformance/campaign.ts";
import { referenceSubject } from "../conformance/reference-subject.ts";
import { kindsOf, systemOf } from "../conformance/subject.ts";
import { describeDifference } from "../conformance/unexplained.ts";
import { monitored } from "../contracts/registry.ts";
import { profiles, seriesNames } from "../spec/profile.ts";

const words = process.argv.slice(2);
const isSlice = words.includes("--slice");
const budget = words.includes("--budget") ? Number(words[words.indexOf("--budget") + 1]) : isSlice ? 150_000 : 600_000;
const chosen = isSlice ? (["K7.1"] as const) : seriesNames;
let bad = 0;
let total = 0;
for (const series of chosen) {
  const rules = monitored(series);
  const campaign = await runCampaign({
    system: systemOf(referenceSubject),
    kinds: kindsOf(referenceSubject),
    profile: profiles[series],
    profileName: series,
    rules,
    scored: new Set(rules.map((rule) => rule.id)),
    seed: 1,
    budget,
  });
  const low = campaign.judge
    .exercises()
    .filter(({ times, programs }) => times < exerciseFloor.times || programs < exerciseFloor.programs);
  for (const { rule, times, programs } of low)
    console.log(`${series} ${rule.id}: ${times} times in ${programs} programs`);
  for (const [id, find] of campaign.finds) console.log(`${series} ${id} broke on the reference: ${find.violation.why}`);
  for (const difference of campaign.unexplained)
    console.log(`${series} unexplained: ${difference.text}: ${describeDifference(difference)}`);
  if (campaign.fault !== null) console.log(`${series}: ${campaign.fault.text}`);
  bad += low.length + campaign.finds.size + campaign.unexplained.length + (campaign.fault === null ? 0 : 1);
  total += rules.length;
  console.log(
    `${series}: ${rules.length - low.length} of ${rules.length} rules at the floor after ${campaign.operations} operations`,
  );
}
console.log(`${total - bad} of ${total} rules exercised and kept${isSlice ? " (slice)" : ""}`);
process.exitCode = bad === 0 ? 0 : 1;
