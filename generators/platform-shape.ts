import { acsBits, type AcsBit, type BridgeSetup, type DeviceTraits } from "../spec/platform.ts";
import { since, type Profile } from "../spec/profile.ts";
import type { DeviceSetup, Setup } from "../spec/program.ts";
import type { Situation } from "../spec/situation.ts";
import type { Random } from "./random.ts";

type Wanted = NonNullable<Situation["platform"]>;
type Trait = keyof DeviceTraits;

/** Fewest devices of a set-up that describes a platform: peers take two. */
const fewest = 2;

function drawAcs(random: Random, rate: number): readonly AcsBit[] {
  return random.chance(rate) ? [random.pick(acsBits)] : [];
}

/** Host bridges, root ports below them, and switches below some of these. */
function drawBridges(random: Random, acsRate: number): readonly BridgeSetup[] {
  const bridges: BridgeSetup[] = [];
  const port = (name: string, parent: string) =>
    bridges.push({ name, parent, acs: drawAcs(random, acsRate), allow: "no" });
  const hosts = random.pick([1, 1, 2]);
  for (let host = 1; host <= hosts; host += 1) {
    const allow = random.pick(["listed", "listed", "sameBridge", "no"] as const);
    bridges.push({ name: `h${host}`, parent: null, acs: [], allow });
    const ports = random.pick([1, 1, 2]);
    for (let index = 1; index <= ports; index += 1) {
      const root = `h${host}p${index}`;
      port(root, `h${host}`);
      if (!random.chance(0.6)) continue;
      port(`${root}u`, root);
      port(`${root}d1`, `${root}u`);
      port(`${root}d2`, `${root}u`);
    }
  }
  return bridges;
}

/** One switch with everything below it. */
function drawSwitch(random: Random, acsRate: number): readonly BridgeSetup[] {
  const allow = random.pick(["listed", "no"] as const);
  const below = (name: string, parent: string): BridgeSetup => ({
    name,
    parent,
    acs: drawAcs(random, acsRate),
    allow: "no",
  });
  return [
    { name: "h1", parent: null, acs: [], allow },
    below("p1", "h1"),
    below("p1u", "p1"),
    below("p1d1", "p1u"),
    below("p1d2", "p1u"),
  ];
}

/** Values of a trait beside the plain one; null: drawn elsewhere. */
function drawTrait(random: Random, trait: Trait): DeviceTraits[Trait] | null {
  switch (trait) {
    case "bus":
      return null;
    case "function":
      return random.pick(["child", "none"]);
    case "acs":
      return [random.pick(acsBits)];
    case "ats":
    case "bounce":
    case "directOnly":
    case "untrusted":
    case "lazyFlush":
      return true;
    case "coherent":
      return false;
    case "iommu":
      return random.pick(["identity", "identity", "identity", "legacy", "blocked"]);
    case "mask":
      return random.pick(["default", "none"]);
    case "busLimitBits":
      return random.pick([36, 44, 45]);
    case "boundary":
      return random.pick([2 ** 16, 2 ** 20]);
    case "dmaOffset":
      return random.pick([2 ** 30, 2 ** 46]);
    case "busOffset":
      return random.pick([2 ** 45, -(2 ** 43)]);
    case "bar":
      return random.pick(["io", "absent", "unmappable", "secure", "secure"]);
    case "granule":
      return 2 ** 16;
    case "cc":
      return random.pick(["shared", "private"]);
  }
}

/** How often a trait nobody asked for is another than the plain one. What keeps a device from working is rare. */
const rates: Readonly<Record<Trait, number>> = {
  bus: 0,
  function: 0.04,
  acs: 0.04,
  ats: 0.2,
  iommu: 0.25,
  bounce: 0.06,
  coherent: 0.1,
  mask: 0.03,
  busLimitBits: 0.04,
  boundary: 0.08,
  dmaOffset: 0.06,
  busOffset: 0.25,
  bar: 0.04,
  directOnly: 0.05,
  untrusted: 0.05,
  lazyFlush: 0.15,
  granule: 0.06,
  cc: 0.06,
};

function drawDevice(random: Random, device: DeviceSetup, bridges: readonly BridgeSetup[], wanted: Wanted): DeviceSetup {
  const traits: Partial<Record<Trait, DeviceTraits[Trait]>> = {};
  // Mostly below a port: the root bus of a host bridge has few functions.
  const open = bridges.filter(({ parent }) => parent !== null);
  const ports = wanted.includes("direct") ? open.filter(({ name }) => name.includes("d")) : open;
  if (bridges.length > 0) traits.bus = random.pick(ports.length > 0 && random.chance(0.9) ? ports : bridges).name;
  for (const trait of Object.keys(rates) as readonly Trait[]) {
    if (!random.chance(wanted.includes(trait) ? 0.5 : rates[trait])) continue;
    const value = drawTrait(random, trait);
    if (value !== null) traits[trait] = value;
  }
  // Bouncing is forced where nothing translates.
  if (traits.bounce === true && random.chance(0.8)) traits.iommu = "identity";
  if (traits.dmaOffset !== undefined && random.chance(0.7)) traits.iommu = "identity";
  // Who asks for shared memory is in a confidential guest.
  if (wanted.includes("shared") && random.chance(0.6)) Object.assign(traits, { iommu: "identity", bounce: true });
  return { ...device, ...(traits as Partial<DeviceTraits>) };
}

/** A set-up with a PCI tree and devices of all kinds, each exporter with a device of its own. */
export function drawPlatform(random: Random, setup: Setup, wanted: Wanted, profile: Profile): Setup {
  const treeRate = wanted.includes("tree") ? 0.95 : 0.7;
  const acsRate = wanted.includes("acs") ? 0.3 : 0.1;
  const direct = wanted.includes("direct");
  const apart = wanted.includes("apart");
  const bridges = apart
    ? []
    : direct
      ? drawSwitch(random, acsRate / 4)
      : random.chance(treeRate)
        ? drawBridges(random, acsRate)
        : [];
  const least = Math.max(
    fewest,
    setup.exporters.length + (apart ? 1 : 0),
    wanted.includes("tree") ? random.pick([2, 3, 4]) : 0,
  );
  const spare = { dmaBits: 52, maxSegment: 2 ** 32 - 4096 };
  const named: DeviceSetup[] = [...setup.devices];
  while (named.length < least) named.push({ name: `d${named.length + 1}`, ...spare });
  const devices = named.map((device) => drawDevice(random, device, bridges, wanted));
  // Two exporters are two drivers: each has a device of its own.
  const exporters = setup.exporters.map((entry, index) => ({ ...entry, device: devices[index]!.name }));
  if (wanted.includes("cc") && random.chance(0.6))
    for (const [index, device] of devices.entries())
      devices[index] = { ...device, cc: index < exporters.length ? "private" : "shared" };
  const importers = setup.importers.map((entry) => ({
    ...entry,
    device: random.pick(apart ? devices.slice(exporters.length) : devices).name,
    allowPeer2peer: entry.allowPeer2peer || random.chance(0.5),
  }));
  const sharedRate = !since(profile.series, "K7.1") ? 0 : wanted.includes("shared") ? 0.6 : 0.05;
  const buffers = setup.buffers.map((entry) =>
    random.chance(sharedRate) ? { ...entry, placement: "system" as const, shared: true as const } : entry,
  );
  // Without bridges there is none that could be listed.
  const cpuGood = random.chance(bridges.length === 0 ? 0.95 : 0.4);
  const peerSupport = !random.chance(wanted.includes("noPeers") ? 0.5 : 0.03);
  return { ...setup, devices, exporters, importers, buffers, platform: { cpuGood, peerSupport, bridges } };
}
