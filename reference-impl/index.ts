export { ReferenceBuffers } from "./buffers/buffers.ts";
export { ReferenceFences } from "./fences/fences.ts";
export { ReferenceFramework } from "./framework.ts";
export { ReferenceReservations } from "./reservations/reservations.ts";
