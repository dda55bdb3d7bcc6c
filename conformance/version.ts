/** Version of the suite; the packed tarball's package.json says the same, a test asserts it. */
export const suiteVersion = "0.1.0";
