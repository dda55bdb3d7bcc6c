import type { PairStep } from "../../kernel/pair/steps.ts";

/** A recorder and a range of iommufd's on one buffer; a revoke that has to wait for the lock; an import after it. */
export const scenario: readonly PairStep[] = [
  { id: "s1", op: "export", buffer: "b1", pages: 2 },
  { id: "s2", op: "attach", attachment: "a1", buffer: "b1", ops: "callback" },
  { id: "s3", op: "plug", device: "d1", importer: "i1" },
  {
    id: "s4",
    op: "import",
    import: "m1",
    importer: "i1",
    buffer: "b1",
    start: 4096,
    length: 4096,
    place: 0,
    closed: false,
  },
  { id: "s5", op: "lock", buffer: "b1" },
  { id: "s6", op: "revoke", buffer: "b1" },
  { id: "s7", op: "unlock", buffer: "b1" },
  {
    id: "s8",
    op: "import",
    import: "m2",
    importer: "i1",
    buffer: "b1",
    start: 0,
    length: 8192,
    place: 1,
    closed: false,
  },
  { id: "s9", op: "release", import: "m1" },
  { id: "s10", op: "detach", attachment: "a1" },
  { id: "s11", op: "quit", importer: "i1" },
  { id: "s12", op: "close", buffer: "b1" },
  { id: "s13", op: "put", buffer: "b1" },
];

/** What a 7.3.4 kernel's module wrote of it. */
export const written = `
c 0 0 0
r 0 0 0 0 0
c 0 1 0
L 0 1 0 8 -1 0 0 1 0
l 0 1 0 0 1
U 0 1 0 8 1
r 0 1 0 0 1
c 0 2 0
r 0 2 0 0 -1
p 7 2 0 seen 0 0 0 0 0
c 0 3 0
p 0 3 1 get 0
L 0 3 0 8 -1 0 0 1 0
U 0 3 0 8 1
p 0 3 1 attach 0 0 1 1
L 0 3 0 8 -1 0 0 1 0
p 0 3 1 guard 0
U 0 3 0 8 1
p 0 3 1 guard 0
p 0 3 0 on 16777216 46198784 4096
r 0 3 0 0 -1
p 7 3 0 seen 0 46198784 0 0 0
L 1 4 0 8 -1 0 0 0 0
p 7 4 0 seen 0 46198784 0 0 0
c 0 5 0
p 0 5 1 get 0
B 0 5 0 0 8 1
p 7 5 0 seen 0 46198784 0 0 0
U 1 6 0 8 0
R 0 5 0
L 0 5 0 8 -1 0 0 1 1
p 0 5 1 guard 0
p 0 5 0 off 16777216 4096 4096
h 0 5 0 13 0
H 0 5 0 13 0 0
p 0 5 0 told 0
U 0 5 0 8 1
p 0 5 1 put 0
r 0 5 0 0 -1
p 7 6 0 seen 0 0 0 0 0
c 0 7 0
p 0 7 1 get 0
L 0 7 0 8 -1 0 0 1 0
U 0 7 0 8 1
p 0 7 1 attach 1 0 1 1
L 0 7 0 8 -1 0 0 1 0
p 0 7 1 guard 1
U 0 7 0 8 1
L 0 7 0 8 -1 0 0 1 0
U 0 7 0 8 1
p 0 7 1 detach 1 0
p 0 7 1 put 0
r 0 7 0 19 -1
p 7 7 0 seen 0 0 0 0 0
c 0 8 0
p 0 8 1 guard 0
L 0 8 0 8 -1 0 0 1 0
U 0 8 0 8 1
L 0 8 0 8 -1 0 0 1 0
U 0 8 0 8 1
p 0 8 1 detach 0 0
p 0 8 1 put 0
r 0 8 0 0 -1
p 7 8 0 seen 0 0 0 0 0
c 0 9 0
L 0 9 0 8 -1 0 0 1 0
l 0 9 0 0 0
U 0 9 0 8 1
r 0 9 0 0
p 7 9 0 seen 0 0 0 0 0
c 0 10 0
r 0 10 0 0
c 0 11 0
r 0 11 0 0
c 0 12 0
p 0 12 1 put 0
r 0 12 0 0
p -1 12 0 released 0
d -1 -1 0
E -1 -1 0
V 0 1 0 0 0`;
