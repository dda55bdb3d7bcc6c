import type { Setup, Step } from "../spec/program.ts";
import type { OperationName } from "../spec/operations/operations.ts";
import type { Env } from "../spec/roles/env.ts";
import type { Exporter } from "../spec/roles/exporter.ts";
import type { Attachment, DmaBuf, FenceCallback, ImporterOps, Reservation, Storage } from "../spec/roles/handles.ts";
import type { Importer } from "../spec/roles/importer.ts";
import type { Suspension } from "../spec/roles/suspendable.ts";
import { PlainExporter } from "./partners/plain-exporter.ts";
import { ScriptedImporter } from "./partners/scripted-importer.ts";
import type { OwnMapping } from "./steps/platform.ts";
import type { System } from "./system.ts";
import type { LiveMapping, World } from "./world.ts";

/** Role instances and named things of one run. */
export class RunContext {
  readonly world: World;
  readonly system: System;
  readonly program: Env;
  private readonly envFor: (world: World, by: string) => Env;
  private readonly envs = new Map<string, Env>();
  private readonly exporters = new Map<string, Exporter>();
  private readonly importers = new Map<string, Importer>();
  private readonly scripted = new Map<string, ScriptedImporter>();
  /** Fence context of each timeline of the program. */
  private readonly timelines = new Map<number, number>();
  /** Fences whose owner has finished the work without signaling it. */
  readonly finished = new Set<object>();
  /** Open signalling sections of each task, outermost first, with their cookies. */
  readonly sections = new Map<string, { readonly name: string; readonly cookie: boolean }[]>();
  readonly callbacks = new Map<string, FenceCallback>();
  /** What the program maps by itself, by name, and memory of it that is shared with the host. */
  readonly ownMappings = new Map<string, OwnMapping>();
  readonly ownShared = new Set<Storage>();
  /** Which importer an import belongs to. */
  readonly importerOf = new Map<object, string>();

  constructor(world: World, system: System, envFor: (world: World, by: string) => Env) {
    this.world = world;
    this.system = system;
    this.envFor = envFor;
    this.program = this.env("program");
  }

  get setup(): Setup {
    return this.world.setup;
  }

  env(by: string): Env {
    let env = this.envs.get(by);
    if (env === undefined) {
      env = this.envFor(this.world, by);
      this.envs.set(by, env);
    }
    return env;
  }

  /** The exporter instance of this name, made when first used. */
  exporter(name: string): Exporter {
    let exporter = this.exporters.get(name);
    if (exporter === undefined) {
      const kind = this.setup.exporters.find((entry) => entry.name === name)?.kind ?? "subject";
      exporter =
        kind === "scripted" || kind === "scriptedDynamic"
          ? new PlainExporter(this.env(name), { dynamic: kind === "scriptedDynamic", caching: false })
          : this.factory(this.system.exporters, kind)(this.env(name));
      this.exporters.set(name, exporter);
    }
    return exporter;
  }

  /** The importer instance of this name; undefined where the program plays it. */
  importer(name: string): Importer | undefined {
    const known = this.importers.get(name);
    if (known !== undefined) return known;
    const kind = this.setup.importers.find((entry) => entry.name === name)?.kind ?? "subject";
    if (kind === "scripted") return undefined;
    const importer = this.factory(this.system.importers, kind)(this.env(name));
    this.importers.set(name, importer);
    return importer;
  }

  /** The ops record of a scripted importer; null for a static one. */
  opsOf(name: string): ImporterOps | null {
    return this.script(name).ops;
  }

  script(name: string): ScriptedImporter {
    let scripted = this.scripted.get(name);
    if (scripted === undefined) {
      scripted = new ScriptedImporter(
        this.env(name),
        this.world,
        this.setup.importers.find((entry) => entry.name === name)!,
      );
      this.scripted.set(name, scripted);
    }
    return scripted;
  }

  /** The fence context behind a timeline number of the program. */
  timeline(number: number): number {
    let context = this.timelines.get(number);
    if (context === undefined) {
      context = this.program.fenceContextAlloc(1);
      this.timelines.set(number, context);
    }
    return context;
  }

  buffer(name: string): DmaBuf {
    return this.world.names.object<DmaBuf>(name)!;
  }

  attachment(name: string): Attachment {
    return this.world.names.object<Attachment>(name)!;
  }

  mapping(name: string): LiveMapping {
    return this.world.mappingsByName.get(name)!;
  }

  /** A reservation object of the set-up (made when first named) or of a buffer. */
  reservation(name: string): Reservation {
    const known = this.world.names.object<Reservation>(name);
    if (known !== undefined) return known;
    const made = this.world.framework.reservations.createReservation();
    this.world.names.bind(made, name);
    return made;
  }

  /** The role instance that stands behind an attachment. */
  importerOfAttachment(name: string): string {
    return this.world.state().attachments.get(name)?.importer ?? "program";
  }

  private factory<F>(kinds: Readonly<Record<string, F>>, kind: string): F {
    const factory = kinds[kind];
    if (factory === undefined)
      throw new RangeError(
        `the set-up names the kind "${kind}", which ${this.system.name} does not offer (it has ${Object.keys(kinds).join(", ")})`,
      );
    return factory;
  }
}

/** How one operation of a program is carried out. */
export type StepHandler<K extends OperationName> = (
  run: RunContext,
  step: Step<K>,
) => Generator<Suspension, void, unknown>;

/** Handlers by operation name. */
export type StepHandlers<K extends OperationName> = { readonly [P in K]: StepHandler<P> };
