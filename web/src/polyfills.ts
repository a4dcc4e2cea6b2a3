// What our libraries use and Chrome 68 does not have.

if (typeof queueMicrotask !== "function") {
  window.queueMicrotask = (task) => {
    Promise.resolve()
      .then(task)
      .catch((error: unknown) =>
        setTimeout(() => {
          throw error;
        }),
      );
  };
}

const object = Object as { fromEntries?: unknown };
if (typeof object.fromEntries !== "function") {
  object.fromEntries = (entries: Iterable<[string, unknown]>) => {
    const made: Record<string, unknown> = {};
    for (const [key, value] of entries) made[key] = value;
    return made;
  };
}
