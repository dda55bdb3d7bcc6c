import type { Judge } from "../../contracts/judge.ts";
import type { HistoryEvent } from "../../spec/event.ts";
import type { Access, State } from "../../spec/state/state.ts";

/** Fields that name what an event is about, the most telling first. */
const subjects = [
  "attachment",
  "import",
  "fence",
  "resv",
  "lock",
  "buffer",
  "fd",
  "acquire",
  "job",
  "exporter",
] as const;

const accesses: readonly Access[] = ["accessible", "changing", "unknown", "revoked", "revokedForever"];

/** Where an event stands among its like: the field that names what it is about, and the number of its kind and name. */
interface Topic {
  readonly field: (typeof subjects)[number] | null;
  readonly code: number;
}

/**
 * What a program shows, as a set of numbers: which operation followed which on one object and how both ended, in which
 * situation of the buffer they met, and which rules decided something. Numbers are hashes: equal on every machine.
 */
export class Footprint {
  private readonly judge: Judge;
  private features = new Set<number>();
  /** The last thing that happened to an object, by its name. */
  private readonly last = new Map<string, number>();
  private readonly topics = new Map<string, Topic>();
  private readonly programs: number[];

  constructor(judge: Judge) {
    this.judge = judge;
    this.programs = judge.exercises().map((exercise) => exercise.programs);
  }

  /** Starts a new program. */
  begin(): void {
    this.features = new Set();
    this.last.clear();
  }

  /** Looks at one event, in the state before it. The drain shows nothing new. */
  event(event: HistoryEvent, state: State): void {
    if (state.draining) return;
    switch (event.kind) {
      case "ret":
        this.ended(event.op, event.errno, event, state);
        return;
      case "cbret":
        this.ended(event.hook, event.injected ? -event.errno : event.errno, event, state);
        return;
      case "lock":
        this.ended(event.form, event.errno, event, state);
        return;
      case "access":
        this.ended("access", event.answer === "ok" ? 0 : 1, event, state);
        return;
      default:
        return;
    }
  }

  /** The program's features, and the rules that decided something in it, as places in the judge's list. */
  end(): { readonly features: readonly number[]; readonly rules: readonly number[] } {
    const rules: number[] = [];
    this.judge.exercises().forEach(({ programs }, index) => {
      if (programs === this.programs[index]) return;
      this.programs[index] = programs;
      rules.push(index);
      this.features.add(mix(0x72756c65, index));
    });
    return { features: [...this.features], rules };
  }

  private ended(name: string, errno: number, event: HistoryEvent, state: State): void {
    const { field, code } = this.topic(name, event);
    if (field === null) return;
    const about = (event as unknown as Readonly<Record<string, string | null>>)[field];
    if (about === null || about === undefined) return;
    const now = mix(code, errno);
    this.note(about, now);
    const bufferName = field === "buffer" ? about : bufferOf(field, about, state);
    const buffer = bufferName === undefined ? undefined : state.buffers.get(bufferName);
    if (buffer === undefined) return;
    const facts =
      accesses.indexOf(buffer.access) * 8 + Math.min(buffer.listed.length, 2) * 2 + (buffer.released ? 1 : 0);
    this.features.add(mix(now, facts));
    if (field !== "buffer") this.note(bufferName!, now);
  }

  /** Something happened to an object: the pair with what happened to it before is a feature. */
  private note(about: string, now: number): void {
    this.features.add(mix(this.last.get(about) ?? 0, now));
    this.last.set(about, now);
  }

  private topic(name: string, event: HistoryEvent): Topic {
    const key = `${event.kind} ${name}`;
    let topic = this.topics.get(key);
    if (topic === undefined) {
      topic = { field: subjects.find((field) => field in event) ?? null, code: hashOf(key) };
      this.topics.set(key, topic);
    }
    return topic;
  }
}

function bufferOf(field: Topic["field"], about: string, state: State): string | undefined {
  if (field === "attachment") return state.attachments.get(about)?.buffer;
  return field === "import" ? state.imports.get(about)?.buffer : undefined;
}

function hashOf(text: string): number {
  let hash = 0;
  for (let index = 0; index < text.length; index += 1) hash = mix(hash, text.charCodeAt(index));
  return hash;
}

/** Two numbers to one of 32 bits, unsigned (the finalizer of MurmurHash3 over a multiplied sum). */
function mix(first: number, second: number): number {
  let hash = (Math.imul(first, 0x9e3779b1) + Math.imul(second + 1, 0x85ebca6b)) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
