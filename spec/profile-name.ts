import { profiles, seriesNames, withMoveNotify, type Profile } from "./profile.ts";
import { BadInput, quoted } from "./bad-input.ts";
import { didYouMean } from "./closest.ts";

const suffix = "+moveNotify";

const byName: ReadonlyMap<string, Profile> = new Map(
  seriesNames.flatMap((series): (readonly [string, Profile])[] => {
    const profile = profiles[series];
    if (profile.moveNotify === "always") return [[series, profile]];
    return [
      [series, profile],
      [series + suffix, withMoveNotify(profile)],
    ];
  }),
);

/** Every name a program may give as its profile: a series, or a series with its move-notify switch on. */
export const profileNames: readonly string[] = [...byName.keys()];

/** The profile of this name (`K7.1`, `K6.12+moveNotify`). Throws BadInput for any other. */
export function profileNamed(name: string): Profile {
  const profile = byName.get(name);
  if (profile !== undefined) return profile;
  const help = didYouMean(name, profileNames, `known: ${profileNames.join(", ")}`);
  throw new BadInput("profile", "profile", `unknown profile ${quoted(name)}${help}`);
}

/** The name under which a program asks for this profile. */
export function profileName(profile: Profile): string {
  return profile.moveNotify === "on" ? profile.series + suffix : profile.series;
}
