import { expect, it } from "vitest";
import {
  clearStoredFiles,
  MAX_STORED_BYTES,
  readFile,
  removeFiles,
  storeFile,
} from "./stored-files";

const makeFile = (size: number) => new File([new Uint8Array(size)], "a.bin");

it("keeps files until they are removed", async () => {
  await storeFile("ann", "a", makeFile(3));
  await storeFile("bob", "b", makeFile(4));

  expect(await readFile("a")).toBeDefined();
  await removeFiles(["a", "unknown"]);
  expect(await readFile("a")).toBeUndefined();
  expect(await readFile("b")).toBeDefined();
  await clearStoredFiles("ann");
  expect(await readFile("b")).toBeDefined();
  await clearStoredFiles("bob");
  expect(await readFile("b")).toBeUndefined();
});

it("limits the bytes of an account", async () => {
  await expect(storeFile("ann", "a", makeFile(MAX_STORED_BYTES + 1))).rejects.toMatchObject({
    code: "device_limit",
  });
  expect(await readFile("a")).toBeUndefined();
});
