import { traitNames, type BridgeSetup, type PlatformSetup } from "../../spec/platform.ts";
import type { DeviceSetup, Program, Setup } from "../../spec/program.ts";
import { each, together } from "./pass.ts";
import type { Search, Session } from "./session.ts";

type Plainer = (setup: Setup) => Setup;

/** Less of a platform: none at all, or fewer bridges, plainer ones, and devices with fewer traits. */
export function* simplerPlatform(session: Session): Search<void> {
  const { setup } = session.program;
  const { bridges = [] } = setup.platform ?? {};
  if (setup.platform !== undefined) yield* each(session, [withoutPlatform], applied);
  yield* together(session, [...plainerTraits(setup), ...plainerPlatform(setup)], (program, items) =>
    items.reduce(applied, program),
  );
  yield* each(session, bridges.toReversed(), (program, bridge) => applied(program, (now) => bypassed(now, bridge)));
}

function applied(program: Program, plainer: Plainer): Program {
  return { ...program, setup: plainer(program.setup) };
}

function withoutPlatform(setup: Setup): Setup {
  return { ...without(setup, "platform"), devices: setup.devices.map((device) => without(device, "bus")) };
}

function without<T extends object>(row: T, field: string): T {
  return Object.fromEntries(Object.entries(row).filter(([name]) => name !== field)) as T;
}

/** Each trait of a device that says something, back to what goes without saying; and of a buffer. */
function plainerTraits({ devices, buffers }: Setup): readonly Plainer[] {
  const traits = devices.flatMap((device) =>
    traitNames.flatMap((trait) =>
      device[trait] === undefined || trait === "bus" ? [] : [{ name: device.name, trait }],
    ),
  );
  return [
    ...traits.map(({ name, trait }): Plainer => {
      const plainer = (device: DeviceSetup) => (device.name === name ? without(device, trait) : device);
      return (setup) => ({ ...setup, devices: setup.devices.map(plainer) });
    }),
    ...buffers
      .filter(({ shared }) => shared === true)
      .map(({ name }): Plainer => (setup) => ({
        ...setup,
        buffers: setup.buffers.map((buffer) => (buffer.name === name ? without(buffer, "shared") : buffer)),
      })),
  ];
}

function plainerPlatform({ platform }: Setup): readonly Plainer[] {
  if (platform === undefined) return [];
  const change =
    (to: (platform: PlatformSetup) => PlatformSetup): Plainer =>
    (setup) =>
      setup.platform === undefined ? setup : { ...setup, platform: to(setup.platform) };
  return [
    ...(platform.cpuGood ? [] : [change((now) => ({ ...now, cpuGood: true }))]),
    ...(platform.peerSupport ? [] : [change((now) => ({ ...now, peerSupport: true }))]),
    ...platform.bridges
      .filter(({ acs }) => acs.length > 0)
      .map(({ name }) =>
        change((now) => ({
          ...now,
          bridges: now.bridges.map((bridge) => (bridge.name === name ? { ...bridge, acs: [] } : bridge)),
        })),
      ),
  ];
}

/** What hangs from the bridge hangs from the one above it; devices of a host bridge that goes, from one without a name. */
function bypassed(setup: Setup, { name, parent }: BridgeSetup): Setup {
  if (setup.platform === undefined) return setup;
  const bridges = setup.platform.bridges
    .filter((bridge) => bridge.name !== name)
    .map((bridge) => (bridge.parent === name ? { ...bridge, parent } : bridge));
  const devices = setup.devices.map((device) => (device.bus === name ? { ...device, bus: parent } : device));
  return { ...setup, devices, platform: { ...setup.platform, bridges } };
}
