import "fake-indexeddb/auto";
import { cleanup, configure } from "@testing-library/react";
import { afterEach } from "vitest";

// Some views load modules first, which takes longer on a busy machine.
configure({ asyncUtilTimeout: 10_000 });
afterEach(cleanup);
