import { describe, expect, it } from "vitest";
import { systemOf } from "../../conformance/subject.ts";
import { drivers } from "../../drivers/index.ts";
import { program, type ProgramBuilder } from "../../spec/builder.ts";
import { errnoName } from "../../spec/errno.ts";
import { judgeProgram } from "../kit/judge-program.ts";

/** A buffer of the first exporter, imported by a driver that the program names `i1`. */
function imported(profile: string, exporter: string, importer: string): ProgramBuilder {
  return program(profile)
    .exporter("e1", { kind: exporter })
    .importer("i1", { kind: importer })
    .buffer("b1", { placement: "device" })
    .step("export", { buffer: "b1" })
    .step("import", { importer: "i1", buffer: "b1", import: "p1", direction: "bidirectional" });
}

function judge(name: string, builder: ProgramBuilder) {
  const entry = drivers.find((driver) => driver.name === name)!;
  const role = entry.role === "exporter" ? { exporter: entry.make } : { importer: entry.make };
  const subject = { name, ...role, ...(entry.partners && { partners: entry.partners }) };
  return judgeProgram(builder.build(), systemOf(subject));
}

describe("known deviations of drivers, each in the shortest program that shows it", () => {
  it("VFIO 7.1: who maps between the message and the flag of an unrevoke is refused", () => {
    const judged = judge(
      "vfio-pci-7.1",
      imported("K7.1", "subject", "dynamic")
        .step("revoke", { buffer: "b1" })
        .step("unrevoke", { buffer: "b1" })
        .task("t2")
        .step("submit", { importer: "i1", imports: ["p1"], kind: "read", job: "j1" })
        .preempt({ step: "s4", site: "unlock", until: "s5" }),
    );
    expect(judged.fault).toBeNull();
    expect(judged.ids).toEqual(["REV-21"]);
  });

  it("VFIO 6.19 gives back in one hold: the same program is clean", () => {
    const judged = judge(
      "vfio-pci-6.19, judged by 7.1",
      imported("K7.1", "subject", "dynamic")
        .step("revoke", { buffer: "b1" })
        .step("unrevoke", { buffer: "b1" })
        .task("t2")
        .step("submit", { importer: "i1", imports: ["p1"], kind: "read", job: "j1" })
        .preempt({ step: "s4", site: "unlock", until: "s5" }),
    );
    expect(judged.fault).toBeNull();
    expect(judged.ids).toEqual([]);
  });

  it("VFIO 6.19, judged by 7.1: a revoke returns under a job", () => {
    const judged = judge(
      "vfio-pci-6.19, judged by 7.1",
      imported("K7.1", "subject", "dynamic")
        .step("submit", { importer: "i1", imports: ["p1"], kind: "read", job: "j1" })
        .task("t2")
        .step("revoke", { buffer: "b1" })
        .preempt({ step: "s4", site: "unlock", until: "idle" }),
    );
    expect(judged.fault).toBeNull();
    expect(judged.ids).toEqual(expect.arrayContaining(["REV-06", "REV-07", "REV-09"]));
  });

  it("VFIO 7.1 waits for the same job, and for its unmap", () => {
    const judged = judge(
      "vfio-pci-7.1",
      imported("K7.1", "subject", "dynamic")
        .step("submit", { importer: "i1", imports: ["p1"], kind: "read", job: "j1" })
        .task("t2")
        .step("revoke", { buffer: "b1" })
        .task("t1")
        .step("complete", { job: "j1" }),
    );
    expect(judged.fault).toBeNull();
    expect(judged.ids).toEqual([]);
    expect(["REV-06", "REV-07", "REV-08"].filter((id) => judged.exercised(id) === 0)).toEqual([]);
  });

  it("xe: the unmap that a revoke waits for comes with the next job or never", () => {
    const judged = judge(
      "xe-like under VFIO 7.1",
      imported("K7.1", "vfio-pci-7.1", "subject")
        .step("submit", { importer: "i1", imports: ["p1"], kind: "read", job: "j1" })
        .step("complete", { job: "j1" })
        .task("t2")
        .step("revoke", { buffer: "b1" })
        .preempt({ step: "s5", site: "unlock", until: "idle" }),
    );
    expect(judged.fault).toBeNull();
    expect(judged.ids.toSorted()).toEqual(["MOVE-21", "MOVE-22", "REV-02"]);
  });

  it("amdgpu under the same revoke unmaps by itself", () => {
    const judged = judge(
      "gpu-dynamic under VFIO 7.1",
      imported("K7.1", "vfio-pci-7.1", "subject")
        .step("submit", { importer: "i1", imports: ["p1"], kind: "read", job: "j1" })
        .task("t2")
        .step("revoke", { buffer: "b1" })
        .task("t1")
        .step("complete", { job: "j1" }),
    );
    expect(judged.fault).toBeNull();
    expect(judged.ids).toEqual([]);
  });

  it("RDMA pinned revocable: an invalidate before the creation lock leaks the pin", () => {
    const judged = judge(
      "rdma-pinned-revocable",
      imported("K7.1", "default", "subject")
        .task("t2")
        .step("move", { buffer: "b1", placement: "system" })
        .preempt({ step: "s2", site: "unlock", until: "s3" }),
    );
    expect(judged.fault).toBeNull();
    expect(judged.ids.toSorted()).toEqual(["ATT-17", "PIN-04", "PIN-21", "REV-53"]);
  });

  it("RDMA pinned revocable: the pin itself is enough if it has to move the memory", () => {
    const judged = judge(
      "rdma-pinned-revocable",
      program("K7.1")
        .exporter("e1", { kind: "default" })
        .importer("i1", { kind: "subject" })
        .importer("i2", { kind: "scripted", ops: "callback", allowPeer2peer: false })
        .buffer("b1", { placement: "device" })
        .step("export", { buffer: "b1" })
        .step("attach", { importer: "i2", buffer: "b1", attachment: "a1" })
        .step("import", { importer: "i1", buffer: "b1", import: "p1", direction: "bidirectional" }),
    );
    expect(judged.fault).toBeNull();
    expect(judged.ids).toContain("REV-53");
  });

  it("GPU memory: a device that is no peer gets addresses of what another has pinned", () => {
    const judged = judge(
      "gpu-vram",
      program("K7.1")
        .importer("i1", { kind: "pinned" })
        .importer("i2", { kind: "scripted", ops: "callback", allowPeer2peer: false })
        .buffer("b1", { placement: "device" })
        .step("export", { buffer: "b1" })
        .step("import", { importer: "i1", buffer: "b1", import: "p1", direction: "bidirectional" })
        .step("attach", { importer: "i2", buffer: "b1", attachment: "a1" })
        .step("mapUnlocked", { attachment: "a1", direction: "bidirectional", mapping: "m1" }),
    );
    expect(judged.fault).toBeNull();
    expect(judged.ids.toSorted()).toEqual(["ATT-05", "ATT-10", "P2P-13", "PIN-19"]);
  });

  it("udmabuf takes its own mapping down in another direction than it was made in", () => {
    const judged = judge(
      "udmabuf",
      program("K7.1")
        .platform({})
        .step("export", { buffer: "b1" })
        .step("beginCpu", { buffer: "b1", direction: "toDevice" }),
    );
    expect(judged.fault).toBeNull();
    expect(judged.ids).toEqual(["DMAMAP-01"]);
  });

  it("GEM objects in shared memory: a mapping from a later page on shows the first ones", () => {
    const judged = judge(
      "vgem",
      program("K7.1")
        .buffer("b1", { size: 8192 })
        .step("export", { buffer: "b1" })
        .step("mmapFd", { buffer: "b1", view: "v1", offset: 1, pages: 1, shared: true })
        .step("vmapUnlocked", { buffer: "b1", view: "v2" })
        .step("beginCpu", { buffer: "b1", direction: "fromDevice" })
        .step("cpuAccess", { view: "v1", kind: "read", offset: 0, io: false })
        .step("cpuAccess", { view: "v2", kind: "read", offset: 4096, io: false }),
    );
    expect(judged.fault).toBeNull();
    expect(judged.ids).toEqual(["CPU-32"]);
  });

  it("GEM objects in shared memory: a mapping of all of a buffer shows it, and ends under the lock", () => {
    const judged = judge(
      "vgem",
      program("K7.1")
        .buffer("b1", { size: 8192 })
        .step("export", { buffer: "b1" })
        .step("mmapFd", { buffer: "b1", view: "v1", offset: 0, pages: 2, shared: true })
        .step("vmapUnlocked", { buffer: "b1", view: "v2" })
        .step("beginCpu", { buffer: "b1", direction: "fromDevice" })
        .step("cpuAccess", { view: "v1", kind: "read", offset: 4096, io: false })
        .step("cpuAccess", { view: "v2", kind: "read", offset: 4096, io: false })
        .task("t2")
        .step("lock", { resv: "b1.resv", acquire: null })
        .task("t1")
        .step("munmap", { view: "v1" })
        .task("t2")
        .step("unlock", { resv: "b1.resv" }),
    );
    expect(judged.fault).toBeNull();
    expect(judged.ids).toEqual([]);
    expect(judged.exercised("CPU-32")).toBeGreaterThan(0);
    const waits = judged.events.flatMap((event) => (event.kind === "blocked" ? [event.wait] : []));
    expect(waits).toMatchObject([{ kind: "lock", lock: "b1.resv", by: "e1" }]);
  });

  it("the system heap hands one table out twice", () => {
    const judged = judge(
      "system-heap",
      program("K7.1")
        .platform({})
        .importer("i1", { kind: "scripted", ops: "callback" })
        .step("export", { buffer: "b1" })
        .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
        .step("mapUnlocked", { attachment: "a1", direction: "bidirectional", mapping: "m1" })
        .step("mapUnlocked", { attachment: "a1", direction: "bidirectional", mapping: "m2" }),
    );
    expect(judged.fault).toBeNull();
    expect(judged.ids).toEqual(expect.arrayContaining(["MAP-07", "DMAMAP-01"]));
  });

  it("GPU memory of 6.12 moves under the kernel's address", () => {
    const program612 = program("K6.12")
      .buffer("b1", { placement: "device" })
      .step("export", { buffer: "b1" })
      .step("vmapUnlocked", { buffer: "b1", view: "v1" })
      .step("beginCpu", { buffer: "b1", direction: "toDevice" })
      .step("move", { buffer: "b1", placement: "system" })
      .step("cpuAccess", { view: "v1", kind: "write", offset: 0, io: true });
    const judged = judge("gpu-vram, 6.12", program612);
    expect(judged.fault).toBeNull();
    expect(judged.ids).toContain("CPU-16");
  });

  it("memory outside of the window comes into it for a peer, and not for anybody when it is pinned elsewhere", () => {
    const judged = judge(
      "gpu-vram-invisible",
      program("K7.1")
        .importer("i1", { kind: "scripted", ops: "callback", allowPeer2peer: true })
        .buffer("b1", { placement: "device" })
        .step("export", { buffer: "b1" })
        .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
        .step("mapUnlocked", { attachment: "a1", direction: "bidirectional", mapping: "m1" }),
    );
    expect(judged.fault).toBeNull();
    expect(judged.ids).toEqual([]);
    expect(judged.events.filter((event) => event.kind === "epoch" && event.change === "move")).toHaveLength(1);
  });

  it("KVM takes no slice", () => {
    const judged = judge(
      "kvm on confidential memory",
      program("K7.1")
        .exporter("e1", { kind: "confidential" })
        .importer("i1", { kind: "subject" })
        .buffer("b1", { size: 8192, placement: "device" })
        .step("export", { buffer: "b1" })
        .step("bindSlot", { importer: "i1", buffer: "b1", slot: "l1", offset: 0, length: 4096, owner: "g1" }),
    );
    expect(judged.fault).toBeNull();
    expect(judged.ids).toEqual(["FAULT-11"]);
  });

  it("confidential memory is for guests: another importer is refused, and another guest does not get it", () => {
    const judged = judge(
      "kvm on confidential memory",
      program("K7.1")
        .exporter("e1", { kind: "confidential" })
        .importer("i1", { kind: "subject" })
        .importer("i2", { kind: "dynamic" })
        .buffer("b1", { placement: "device" })
        .step("export", { buffer: "b1" })
        .step("makePrivate", { buffer: "b1", owner: "g1" })
        .step("import", { importer: "i2", buffer: "b1", import: "p1", direction: "bidirectional" })
        .step("bindSlot", { importer: "i1", buffer: "b1", slot: "l1", offset: 0, length: 4096, owner: "g2" })
        .step("guestAccess", { slot: "l1", page: 0, write: false, private: true })
        .step("bindSlot", { importer: "i1", buffer: "b1", slot: "l2", offset: 0, length: 4096, owner: "g1" })
        .step("guestAccess", { slot: "l2", page: 0, write: true, private: true }),
    );
    const errors = judged.events.flatMap((event) =>
      event.kind === "ret" && (event.op === "import" || event.op === "guestAccess") ? [errnoName(event.errno)] : [],
    );
    expect(judged.fault).toBeNull();
    expect(judged.ids).toEqual([]);
    expect(errors).toEqual(["EOPNOTSUPP", "EPERM", "ok"]);
  });

  it("a compositor refuses what may be taken away", () => {
    const errors = ["default", "dynamic"].map((kind) => {
      const judged = judge("compositor", imported("K7.1", kind, "subject"));
      expect(judged.ids).toEqual([]);
      return judged.events.flatMap((event) =>
        event.kind === "ret" && event.op === "import" ? [errnoName(event.errno)] : [],
      );
    });
    expect(errors).toEqual([["EINVAL"], ["ok"]]);
  });

  it("NVMe: the fence of requests comes with the callback, and as KERNEL", () => {
    const judged = judge(
      "nvme",
      imported("K7.1", "default", "subject")
        .step("submit", { importer: "i1", imports: ["p1"], kind: "read", job: "j1" })
        .step("move", { buffer: "b1", placement: "system" })
        .step("complete", { job: "j1" }),
    );
    expect(judged.fault).toBeNull();
    expect(judged.ids.toSorted()).toEqual(["FAULT-09", "RESV-28"]);
  });

  it("NVMe: a mapping that is made while the memory moves is not found by the callback", () => {
    const judged = judge(
      "nvme",
      imported("K7.1", "default", "subject")
        .step("submit", { importer: "i1", imports: ["p1"], kind: "read", job: "j1" })
        .task("t2")
        .step("move", { buffer: "b1", placement: "system" })
        .preempt({ step: "s3", site: "unlock", until: "s4" }),
    );
    expect(judged.fault).toBeNull();
    expect(judged.ids).toEqual(expect.arrayContaining(["MOVE-08", "MOVE-09", "REV-02"]));
  });
});
