import type { Subject } from "dmabuf-conformance";

declare const subject: Subject;
export default subject;
