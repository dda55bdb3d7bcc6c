import type { cpuOperations } from "../../spec/operations/cpu.ts";
import type { IosysMap, UserMapping } from "../../spec/roles/handles.ts";
import type { RunContext, StepHandlers } from "../run-context.ts";

function mapOf(run: RunContext, view: string): IosysMap {
  return run.world.names.object<IosysMap>(view)!;
}

function mappingOf(run: RunContext, view: string): UserMapping {
  return run.world.names.object<UserMapping>(view)!;
}

/** A user mapping before anybody has filled it in. */
function fresh(pages: number, shared: boolean, start: number): UserMapping {
  return { pages, shared, start, file: null, fault: null };
}

/** The buffer that a kernel address belongs to. */
function bufferBehind(run: RunContext, view: string) {
  return run.buffer(run.world.state().views.get(view)!.buffer);
}

/** Brackets, kernel addresses, user mappings, and the CPU's own accesses. */
export const cpuSteps: StepHandlers<keyof typeof cpuOperations> = {
  *beginCpu(run, step) {
    yield* run.program.beginCpu(run.buffer(step.buffer), step.direction);
  },
  *endCpu(run, step) {
    yield* run.program.endCpu(run.buffer(step.buffer), step.direction);
  },
  *ioctlSync(run, step) {
    yield* run.program.ioctlSync(run.buffer(step.buffer), step.unreadable ? null : step.flags);
  },
  *ioctl(run, step) {
    yield* run.program.ioctl(run.buffer(step.buffer), step.command);
  },
  *vmap(run, step) {
    run.world.names.want(step.id, "view", step.view);
    yield* run.program.vmap(run.buffer(step.buffer), { address: null, isIomem: false });
  },
  *vmapUnlocked(run, step) {
    run.world.names.want(step.id, "view", step.view);
    yield* run.program.vmapUnlocked(run.buffer(step.buffer), { address: null, isIomem: false });
  },
  *vunmap(run, step) {
    yield* run.program.vunmap(bufferBehind(run, step.view), mapOf(run, step.view));
  },
  *vunmapUnlocked(run, step) {
    yield* run.program.vunmapUnlocked(bufferBehind(run, step.view), mapOf(run, step.view));
  },
  *mmap(run, step) {
    run.world.names.want(step.id, "view", step.view);
    yield* run.program.mmap(run.buffer(step.buffer), fresh(step.pages, step.shared, 0), step.offset);
  },
  *mmapFd(run, step) {
    run.world.names.want(step.id, "view", step.view);
    yield* run.program.mmapFd(run.buffer(step.buffer), fresh(step.pages, step.shared, step.offset));
  },
  *munmap(run, step) {
    yield* run.program.munmap(mappingOf(run, step.view));
  },
  *cpuAccess(run, step) {
    const view = run.world.names.object<IosysMap | UserMapping>(step.view)!;
    yield* run.program.cpuAccess(view, step.kind, step.offset, step.io);
  },
};
