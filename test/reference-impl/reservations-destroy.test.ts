import { expect, it } from "vitest";
import { FakeFence, world } from "./reservations-env.ts";

it("destroying an object drops one reference an entry, signaled or not (RESV-46)", () => {
  const { env, resvs, actors } = world();
  const resv = resvs.createReservation();
  env.start(actors[0], resvs.lock(resv, null));
  resvs.reserveFences(resv, 2);
  const fences = [new FakeFence(1, 1), new FakeFence(2, 1)];
  env.as(actors[0], () => {
    resvs.addFence(resv, fences[0]!, "read");
    resvs.addFence(resv, fences[1]!, "write");
    fences[0]!.signaled = true;
    resvs.unlock(resv);
  });
  expect(fences.map((fence) => fence.references)).toEqual([2, 2]);
  resvs.destroyReservation(resv);
  expect(fences.map((fence) => fence.references)).toEqual([1, 1]);
  expect(env.warnings).toEqual([]);
});
