import { useEffect, useState } from "react";

/** A module that is loaded when it is first needed. */
export interface LazyModule<Module> {
  /** Returns the module if it is loaded. */
  readonly peek: () => Module | null;
  /** Loads the module. If loading fails, the next call tries again. */
  readonly load: () => Promise<Module>;
}

/** Creates a lazily loaded module. */
export function createLazy<Module>(start: () => Promise<Module>): LazyModule<Module> {
  let module: Module | null = null;
  let loading: Promise<Module> | null = null;
  return {
    peek: () => module,
    load: () => {
      loading ??= start().then(
        (loaded) => {
          module = loaded;
          return loaded;
        },
        (error: unknown) => {
          loading = null;
          throw error;
        },
      );
      return loading;
    },
  };
}

/** Returns the module, or null until it is loaded. */
export function useLazy<Module>(lazy: LazyModule<Module>): Module | null {
  const [, setReady] = useState(false);
  const module = lazy.peek();
  useEffect(() => {
    if (module) return;
    let isMounted = true;
    lazy.load().then(
      () => {
        if (isMounted) setReady(true);
      },
      () => {
        // The fallback stays. Loading is tried again with the next use.
      },
    );
    return () => {
      isMounted = false;
    };
  }, [lazy, module]);
  return module;
}
