import type { Profile } from "../spec/profile.ts";
import { initialState } from "../spec/state/state.ts";
import { directEnv, recordedEnv } from "./env/env.ts";
import type { Factory, System } from "./system.ts";
import { World } from "./world.ts";

/** Makes one instance of a role outside any program, to see which optional methods it has. Throws what its constructor throws. */
export function probe<Role>(system: System, factory: Factory<Role>, profile: Profile): Role {
  const state = initialState();
  const chooser = { next: () => null, pause: () => null, fail: () => 0, counts: () => false };
  const hooks = { nextStep: () => null, start: function* () {}, failed: () => undefined };
  const setup = { devices: [], exporters: [], importers: [], buffers: [], reservations: [] };
  const world = new World(
    setup,
    profile,
    chooser,
    hooks,
    () => undefined,
    () => state,
  );
  world.framework = system.framework(directEnv(world));
  return factory(recordedEnv(world, "probe"));
}
