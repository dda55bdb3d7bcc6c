import type { Attachment, Fence, ImporterOps } from "../../spec/roles/handles.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { ImporterSetup } from "../../spec/program.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import type { World } from "../world.ts";

/** An importer that the program plays: it only answers callbacks, as its policy says. */
export class ScriptedImporter {
  readonly ops: ImporterOps | null;
  private readonly env: Env;
  private readonly world: World;
  private readonly policy: ImporterSetup["onInvalidate"];
  private readonly context: number;
  private seqno = 0n;

  constructor(env: Env, world: World, setup: ImporterSetup) {
    this.env = env;
    this.world = world;
    this.policy = setup.onInvalidate;
    this.context = env.fenceContextAlloc(1);
    this.ops = this.opsFor(setup);
  }

  private opsFor(setup: ImporterSetup): ImporterOps | null {
    switch (setup.ops) {
      case "static":
        return null;
      case "noCallback":
        return { allowPeer2peer: setup.allowPeer2peer };
      case "callback":
        return {
          allowPeer2peer: setup.allowPeer2peer,
          invalidate: (attachment) => this.invalidate(attachment),
        };
    }
  }

  private *invalidate(attachment: Attachment): Generator<Suspension, void, unknown> {
    switch (this.policy) {
      case "unmap":
        yield* this.unmapAll(attachment);
        return;
      case "fence":
        this.coverAccess(attachment);
        return;
      case "defer":
      case "ignore":
        return;
    }
  }

  /** Unmaps in the callback, where the lock is held already. */
  private *unmapAll(attachment: Attachment): Generator<Suspension, void, unknown> {
    const { world } = this;
    const name = world.names.known(attachment);
    if (name === null) return;
    if (world.state().physicalLists.has(name) && !this.isListUnderWay(name)) yield* this.env.unmapPhysical(attachment);
    for (const mapping of world.state().attachments.get(name)?.maps ?? []) {
      const live = world.mappingsByName.get(mapping);
      const direction = world.state().mappings.get(mapping)?.direction;
      if (live === undefined || direction === undefined || this.isUnderWay(mapping)) continue;
      yield* this.env.unmap(attachment, live.table, direction);
    }
  }

  /** A step of the program is about to unmap it: the two would give the same table back. */
  private isUnderWay(mapping: string): boolean {
    for (const { step } of this.world.scheduler.tasks.values())
      if ((step?.op === "unmap" || step?.op === "unmapUnlocked") && step.mapping === mapping) return true;
    return false;
  }

  private isListUnderWay(attachment: string): boolean {
    for (const { step } of this.world.scheduler.tasks.values())
      if (step?.op === "unmapPhysical" && step.attachment === attachment) return true;
    return false;
  }

  /** Announces that the device still works on the old mappings; a device job ends that. */
  private coverAccess(attachment: Attachment): void {
    const { env } = this;
    const { resv } = attachment.buffer;
    if (env.reserveFences(resv, 1) !== 0) return;
    const fence: Fence = env.fenceInit({}, this.context, (this.seqno += 1n));
    env.addFence(resv, fence, "bookkeep");
    env.startJob("last accesses", () => {
      env.signal(fence);
      env.fencePut(fence);
    });
  }
}
