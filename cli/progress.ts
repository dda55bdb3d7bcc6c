import { exerciseFloor, type Campaign } from "../conformance/campaign/campaign.ts";
import type { Findings } from "../conformance/campaign/findings.ts";
import type { Beat } from "./requests.ts";

/** What a campaign is to come to, for the time left. */
export type Goal = { readonly kind: "operations" | "seconds"; readonly amount: number };

/** Adds up what is known of a campaign while it runs, for a line a second on standard error. */
export class Progress {
  private readonly campaign: Pick<Campaign, "rules" | "scored">;
  private readonly name: string;
  private readonly goal: Goal;
  private readonly began: number;
  /** Operations that an earlier run had done. */
  private readonly before: number;
  private done: Findings;
  private readonly features: Set<number>;
  private readonly beats = new Map<number, Beat>();

  /** `now` is in milliseconds. */
  constructor(name: string, campaign: Pick<Campaign, "rules" | "scored">, goal: Goal, done: Findings, now: number) {
    this.name = name;
    this.campaign = campaign;
    this.goal = goal;
    this.done = done;
    this.before = done.operations;
    this.began = now;
    this.features = new Set(done.counted.features);
  }

  beat(beat: Beat): void {
    this.beats.set(beat.slice, beat);
    for (const feature of beat.fresh) this.features.add(feature);
  }

  /** A slice has ended. */
  finished(slice: number, done: Findings): void {
    this.beats.delete(slice);
    this.done = done;
    for (const feature of done.counted.features) this.features.add(feature);
  }

  line(now: number): string {
    const operations = [...this.beats.values()].reduce((sum, beat) => sum + beat.operations, this.done.operations);
    const seconds = Math.max(0.001, (now - this.began) / 1000);
    const rate = (operations - this.before) / seconds;
    const isTimed = this.goal.kind === "seconds";
    const left = isTimed ? this.goal.amount - seconds : (this.goal.amount - operations) / Math.max(rate, 1);
    const goal = isTimed ? "" : ` of ${this.goal.amount}`;
    return [
      `${this.name}: ${operations}${goal} operations`,
      `${Math.round(rate)}/s`,
      `${this.features.size} features`,
      `${this.below()} rules below their floor`,
      left <= 0 ? "ending" : `${clock(left)} left`,
    ].join(", ");
  }

  private below(): number {
    return this.campaign.rules.filter((rule, place) => {
      if (!this.campaign.scored.has(rule.id)) return false;
      let { times, programs } = this.done.exercised[rule.id] ?? { times: 0, programs: 0 };
      for (const beat of this.beats.values()) {
        times += beat.times[place] ?? 0;
        programs += beat.inPrograms[place] ?? 0;
      }
      return times < exerciseFloor.times || programs < exerciseFloor.programs;
    }).length;
  }
}

function clock(seconds: number): string {
  const whole = Math.ceil(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Shows a line about once a second: in place on a terminal, below each other elsewhere. Answers how to end it. */
export function showEverySecond(line: () => string): () => void {
  const { stderr } = process;
  const show = (): void =>
    void stderr.write(stderr.isTTY ? `\r\u001b[K${line().slice(0, (stderr.columns || 80) - 1)}` : `${line()}\n`);
  const timer = setInterval(show, 1000);
  return () => {
    clearInterval(timer);
    if (stderr.isTTY) stderr.write("\r\u001b[K");
  };
}
