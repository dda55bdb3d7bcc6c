import type { KernelRun } from "../../adapters/linux/linux.ts";
import { judgeHistory } from "../../contracts/judge.ts";
import { monitored } from "../../contracts/registry.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import type { Profile } from "../../spec/profile.ts";
import type { HistoryEvent } from "../../spec/event.ts";
import type { Drawn } from "./draw-plan.ts";
import { windowsOf } from "./windows.ts";

/** A drawn program step by step: what both did, what only the reference (-) and only the kernel (+) did. */
export function sideBySide({ plan, events, program }: Drawn, run: KernelRun): string {
  const profile = profileNamed(program.profile);
  const steps = new Map([...plan.steps, ...plan.drain].map((step) => [step.id, step]));
  const [expected, actual] = [windowsOf(events), windowsOf(run.events)];
  const lines: string[] = [];
  for (let index = 0; index < Math.max(expected.length, actual.length); index += 1) {
    const [wanted, got] = [expected[index], actual[index]];
    const step = (wanted ?? got)?.step ?? "-";
    lines.push(`${step} ${JSON.stringify(steps.get(step) ?? {})}`);
    for (const word of wanted?.words ?? []) lines.push(`  ${got?.words.includes(word) === true ? " " : "-"} ${word}`);
    for (const word of got?.words ?? []) if (wanted?.words.includes(word) !== true) lines.push(`  + ${word}`);
  }
  lines.push(...brokenBy(events, profile, "reference"), ...brokenBy(run.events, profile, "kernel"));
  for (const [step, why] of run.skipped) lines.push(`left out: ${step} (${why})`);
  lines.push(...run.events.map((event) => eventText(event)), run.log);
  return lines.join("\n");
}

function brokenBy(events: readonly HistoryEvent[], profile: Profile, who: string): readonly string[] {
  return judgeHistory(events, monitored(profile.series), profile).violations.map(
    ({ rule, why, seq }) => `the ${who} breaks ${rule.id}: ${why} [event ${seq}]`,
  );
}

function eventText(event: HistoryEvent): string {
  const { seq, kind, ...rest } = event;
  return `${seq} ${kind} ${JSON.stringify(rest)}`;
}
