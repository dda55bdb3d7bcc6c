import { describe, expect, it } from "vitest";
import { BadInput } from "../../spec/bad-input.ts";
import { profileName, profileNamed, profileNames } from "../../spec/profile-name.ts";
import { seriesNames } from "../../spec/profile.ts";

describe("profile names", () => {
  it("has every series, and its move-notify form where there is the switch", () => {
    expect(profileNames).toEqual(expect.arrayContaining([...seriesNames]));
    expect(profileNames).toHaveLength(10);
    for (const name of profileNames) expect(profileName(profileNamed(name))).toBe(name);
    expect(profileNamed("K6.19+moveNotify")).toMatchObject({ series: "K6.19", moveNotify: "on" });
  });

  it("refuses any other with the nearest one", () => {
    expect(() => profileNamed("K7.1+moveNotify")).toThrow(BadInput);
    expect(() => profileNamed("k7.1")).toThrow('profile: unknown profile "k7.1", did you mean "K7.1"?');
  });
});
