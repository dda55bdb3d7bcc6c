import type { Env } from "../../spec/roles/env.ts";
import type { FenceFramework } from "../../spec/roles/fences.ts";
import { toFenceArray } from "./array.ts";
import { toFenceChain } from "./chain.ts";
import type { ReferenceFence } from "./fence.ts";
import { SignallingSections } from "./signalling.ts";
import { FenceUnwrap } from "./unwrap.ts";

/** The fence part of the reference: `drivers/dma-buf/dma-fence*.c`, series by `env.profile`. */
export class ReferenceFences extends FenceUnwrap implements FenceFramework {
  private readonly sections: SignallingSections;

  constructor(env: Env) {
    super(env);
    this.sections = new SignallingSections(env);
  }

  beginSignalling(): boolean {
    return this.sections.begin(this.heldLocks > 0);
  }

  endSignalling(cookie: boolean): void {
    this.sections.end(cookie);
  }

  /** `dma_fence_is_container`. */
  isContainer(fence: ReferenceFence): boolean {
    return toFenceArray(fence) !== null || toFenceChain(fence) !== null;
  }
}
