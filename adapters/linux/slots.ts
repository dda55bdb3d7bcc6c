import { operationOf } from "../../spec/operations/operations.ts";
import type { ObjectKind } from "../../spec/operations/define.ts";
import type { Setup, Step } from "../../spec/program.ts";

/** Slots in the module's tables. What does not fit cannot be run there. */
const room: Partial<Record<ObjectKind, number>> = {
  reservation: 16,
  acquire: 64,
  fence: 384,
  callback: 128,
  signalling: 64,
  buffer: 16,
  attachment: 96,
  mapping: 192,
  fd: 64,
  syncFile: 128,
  view: 128,
  task: 8,
};

/** Devices that the module has. */
const devices = 4;

/** Reservation slots from here on belong to buffers; those before to objects of the set-up's own. */
export const firstBufferReservation = 8;
/** Fence slots from here on belong to fences that the kernel makes by itself. */
export const firstOwnFence = 384;

/** Timelines from here on are the kernel's software timelines (CONFIG_SW_SYNC). */
export const firstSoftwareTimeline = 25;

/** Plain fences, each alone on such a timeline: all that a user can make there. */
function softwareFences(steps: readonly Step[]): ReadonlySet<string> {
  const uses = new Map<number, number>();
  for (const step of steps) if ("timeline" in step) uses.set(step.timeline, (uses.get(step.timeline) ?? 0) + 1);
  return new Set(
    steps.flatMap((step) => {
      if (step.op !== "fenceInit" || step.timeline < firstSoftwareTimeline || uses.get(step.timeline) !== 1) return [];
      const plain = step.hooks.length === 0 && !step.seqno64 && step.seqno > 0 && step.seqno < 2 ** 31;
      return plain ? [step.fence] : [];
    }),
  );
}

/** A program has more objects of a kind than the module has room for. */
export class TooLarge extends Error {
  override readonly name = "TooLarge";
}

/** The numbers that stand for a program's names on the wire, and the way back. */
export class Slots {
  readonly setup: Setup;
  /** Whether a revoke of this kernel waits for unmaps, so that our exporter looks at who attaches. */
  readonly revokeWaits: boolean;
  /** Whether this kernel keeps the tables of exporters that ask for it. */
  readonly caches: boolean;
  /** Fences of the kernel's own software timelines. */
  readonly software: ReadonlySet<string>;
  private readonly makers = new Map<string, Step>();
  private readonly numbers = new Map<ObjectKind, Map<string, number>>();
  private readonly names = new Map<ObjectKind, string[]>();

  constructor(setup: Setup, steps: readonly Step[], { revokeWaits, caches }: Pick<Slots, "revokeWaits" | "caches">) {
    this.setup = setup;
    this.revokeWaits = revokeWaits;
    this.caches = caches;
    this.software = softwareFences(steps);
    if (setup.devices.length > devices) throw new TooLarge(`more than ${devices} devices in the set-up`);
    for (const name of setup.reservations) this.give("reservation", name);
    const resvs = this.names.get("reservation") ?? [];
    if (resvs.length > firstBufferReservation) throw new TooLarge("more than 8 reservation objects in the set-up");
    setup.buffers.forEach(({ name, resv }, index) => {
      this.give("buffer", name);
      if (resv === null) this.place("reservation", `${name}.resv`, firstBufferReservation + index);
    });
    for (const step of steps) {
      this.give("task", step.task);
      const values = step as unknown as Readonly<Record<string, unknown>>;
      for (const [field, { shape }] of Object.entries(operationOf(step.op).fields)) {
        if (shape.kind === "create") {
          this.give(shape.object, values[field] as string);
          this.makers.set(`${shape.object} ${values[field] as string}`, step);
        }
        // A task may be interrupted before it has done anything.
        if (shape.kind === "refer" && shape.object === "task") this.give("task", values[field] as string);
      }
    }
  }

  /** The step that makes a named attachment, mapping or view. */
  made(kind: "attachment", name: string): Step<"attach"> | undefined;
  made(kind: "mapping", name: string): Step<"map" | "mapUnlocked"> | undefined;
  made(kind: "view", name: string): Step<"mmap" | "mmapFd" | "vmap" | "vmapUnlocked"> | undefined;
  made(kind: "attachment" | "mapping" | "view", name: string): Step | undefined {
    return this.makers.get(`${kind} ${name}`);
  }

  /** The number behind a name; -1 for null. Throws a RangeError for a name that the program does not make. */
  of(kind: ObjectKind, name: string | null): number {
    if (name === null) return -1;
    const number = this.numbers.get(kind)?.get(name);
    if (number === undefined) throw new RangeError(`the program makes no ${kind} named ${name}`);
    return number;
  }

  /** The name behind a number, undefined where there is none. */
  name(kind: ObjectKind, number: number): string | undefined {
    return this.names.get(kind)?.[number];
  }

  private give(kind: ObjectKind, name: string): void {
    if (this.numbers.get(kind)?.has(name) === true) return;
    this.place(kind, name, this.names.get(kind)?.length ?? 0);
  }

  private place(kind: ObjectKind, name: string, number: number): void {
    if (number >= (room[kind] ?? Infinity)) throw new TooLarge(`more than ${room[kind]} objects of kind ${kind}`);
    let numbers = this.numbers.get(kind);
    if (numbers === undefined) this.numbers.set(kind, (numbers = new Map()));
    let names = this.names.get(kind);
    if (names === undefined) this.names.set(kind, (names = []));
    numbers.set(name, number);
    names[number] = name;
  }
}
