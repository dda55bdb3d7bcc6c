import { BadInput, pathText } from "./bad-input.ts";
import { Bindings, programProblem, setupProblem, type Problem } from "./check-program.ts";
import type { Errno } from "./errno.ts";
import { neutralValue, type StepInput } from "./operations/defaults.ts";
import { operationOf, type OperationName } from "./operations/operations.ts";
import type { PlatformSetup } from "./platform.ts";
import { profileNamed } from "./profile-name.ts";
import {
  coreContractName,
  programSchema,
  type BufferSetup,
  type DeviceSetup,
  type ExporterSetup,
  type Failure,
  type ImporterSetup,
  type Preemption,
  type Program,
  type Setup,
  type Step,
} from "./program.ts";
import { pageSize } from "./roles/handles.ts";

/** Everything of a set-up entry but its name, each with a default. */
type Options<T> = Partial<Omit<T, "name">>;

/** What may be said about a step beside its arguments. */
export interface StepMarks {
  /** A signal is pending when it begins. */
  readonly interrupted?: true;
  /** The kernel only reports it and goes on. */
  readonly misuse?: true;
}

/** Arguments of `step`: none need be given where all have a neutral value. */
type StepRest<K extends OperationName> =
  object extends StepInput<K> ? [args?: StepInput<K>, marks?: StepMarks] : [args: StepInput<K>, marks?: StepMarks];

/** The nth passage of a site in a step; the first if `nth` is left out. */
interface Point {
  readonly step: string;
  readonly site: string;
  readonly nth?: number;
}

interface Named<T> {
  readonly name: string;
  readonly options: Options<T>;
}

/** Writes a program by hand. Every method but `build` returns the builder; steps are numbered s1, s2, … */
export class ProgramBuilder {
  private readonly profile: string;
  private readonly devices: Named<DeviceSetup>[] = [];
  private readonly exporters: Named<ExporterSetup>[] = [];
  private readonly importers: Named<ImporterSetup>[] = [];
  private readonly buffers: Named<BufferSetup>[] = [];
  private readonly reservations: string[] = [];
  private tree: PlatformSetup | null = null;
  private currentTask = "t1";
  private readonly steps: Step[] = [];
  private readonly schedule: Preemption[] = [];
  private readonly failures: Failure[] = [];
  private sealed: { readonly setup: Setup; readonly bindings: Bindings } | null = null;

  constructor(profile: string) {
    profileNamed(profile);
    this.profile = profile;
  }

  /** A device of 52 address bits that takes segments of any length. */
  device(name: string, options: Options<DeviceSetup> = {}): this {
    return this.declare(this.devices, name, options);
  }

  /** The exporter under test, on the first device. */
  exporter(name: string, options: Options<ExporterSetup> = {}): this {
    return this.declare(this.exporters, name, options);
  }

  /** A scripted importer on the first device, with the callback, without peer-to-peer, that unmaps when told to. */
  importer(name: string, options: Options<ImporterSetup> = {}): this {
    return this.declare(this.importers, name, options);
  }

  /** A page of system memory of the first exporter, with a reservation object of its own: `<name>.resv`. */
  buffer(name: string, options: Options<BufferSetup> = {}): this {
    return this.declare(this.buffers, name, options);
  }

  /** A reservation object that buffers may share. */
  reservation(name: string): this {
    this.unsealed();
    this.reservations.push(name);
    return this;
  }

  /** The PCI tree; without it one host bridge that passes all peer traffic. */
  platform(options: Partial<PlatformSetup> = {}): this {
    this.unsealed();
    this.tree = { cpuGood: true, peerSupport: true, bridges: [], ...options };
    return this;
  }

  /** The steps that follow run in this task. */
  task(name: string): this {
    this.currentTask = name;
    return this;
  }

  /** Adds a step. Throws BadInput for a name that no earlier step and no set-up entry creates. */
  step<K extends OperationName>(op: K, ...[args, marks]: StepRest<K>): this {
    const given: Readonly<Record<string, unknown>> = { ...args };
    const id = `s${this.steps.length + 1}`;
    const fields = Object.entries(operationOf(op).fields).map(([field, { shape }]) => {
      const own = given[field] === undefined ? this.own(op, field, given) : given[field];
      const value = own === undefined ? neutralValue(field, shape) : own;
      if (value !== undefined) return [field, value] as const;
      throw new BadInput(
        "field",
        `program builder, step ${id}, ${field}`,
        `the field is missing; give ${op} its ${field}`,
      );
    });
    const step = { id, task: this.currentTask, op, ...Object.fromEntries(fields), ...marks } as Step;
    this.refuse(this.seal().bindings.step(step), `step ${id}`);
    this.steps.push(step);
    return this;
  }

  /** Parks a step's task at a site until another step has ended or blocked, or with `idle` until nobody else can run. */
  preempt({ step, site, nth = 1, until }: Point & { readonly until: string }): this {
    this.schedule.push({ step, site, nth, until });
    return this;
  }

  /** Makes a site of a step fail. */
  fail({ step, site, nth = 1, errno }: Point & { readonly errno: Errno }): this {
    this.failures.push({ step, site, nth, errno });
    return this;
  }

  /** The program. Throws BadInput for points of steps that do not exist and for tasks without a step. */
  build(): Program {
    const program: Program = {
      schema: programSchema,
      contract: coreContractName,
      profile: this.profile,
      setup: this.seal().setup,
      steps: [...this.steps],
      schedule: [...this.schedule],
      failures: [...this.failures],
    };
    this.refuse(programProblem(program), "");
    return program;
  }

  /** What a field left out means where earlier steps say it. */
  private own(op: OperationName, field: string, given: Readonly<Record<string, unknown>>): unknown {
    if (op === "detach" && field === "buffer") {
      const attach = this.steps.find((step) => step.op === "attach" && step.attachment === given["attachment"]);
      return attach?.op === "attach" ? attach.buffer : null;
    }
    if ((op !== "unmap" && op !== "unmapUnlocked") || field !== "direction") return undefined;
    for (const step of this.steps)
      if ((step.op === "map" || step.op === "mapUnlocked") && step.mapping === given["mapping"]) return step.direction;
    return undefined;
  }

  private declare<T>(list: Named<T>[], name: string, options: Options<T>): this {
    this.unsealed();
    list.push({ name, options });
    return this;
  }

  private unsealed(): void {
    if (this.sealed !== null)
      throw new BadInput("name", "program builder", "the set-up comes before the first step; move this call up");
  }

  /** Completes the set-up, once: defaults depend on what was declared. */
  private seal(): NonNullable<typeof this.sealed> {
    if (this.sealed !== null) return this.sealed;
    const orDefault = <T>(list: readonly Named<T>[], name: string) =>
      list.length > 0 ? list : [{ name, options: {} }];
    const devices = orDefault(this.devices, "d1");
    const exporters = orDefault(this.exporters, "e1");
    const device = devices[0]!.name;
    const exporter = exporters[0]!.name;
    const setup: Setup = {
      devices: devices.map(({ name, options }) => ({ name, dmaBits: 52, maxSegment: 2 ** 52, ...options })),
      exporters: exporters.map(({ name, options }) => ({ name, kind: "subject", device, ...options })),
      importers: orDefault(this.importers, "i1").map(({ name, options }) => ({
        name,
        kind: "scripted",
        device,
        ops: "callback",
        allowPeer2peer: false,
        onInvalidate: "unmap",
        ...options,
      })),
      buffers: orDefault(this.buffers, "b1").map(({ name, options }) => ({
        name,
        exporter,
        size: pageSize,
        placement: "system",
        resv: null,
        ...options,
      })),
      reservations: [...this.reservations],
      ...(this.tree === null ? {} : { platform: this.tree }),
    };
    this.refuse(setupProblem(setup), "");
    this.sealed = { setup, bindings: new Bindings(setup) };
    return this.sealed;
  }

  private refuse(problem: Problem | null, place: string): void {
    if (problem === null) return;
    const where = ["program builder", place, pathText(problem.path)].filter((part) => part !== "").join(", ");
    throw new BadInput(problem.code, where, problem.text);
  }
}

/**
 * Begins a program for a profile (`K7.1`, `K6.12+moveNotify`). What the set-up does not mention is there all the same:
 * device d1, exporter e1 (the subject), scripted importer i1, buffer b1 of one page. Throws BadInput for an unknown profile.
 */
export function program(profile: string): ProgramBuilder {
  return new ProgramBuilder(profile);
}
