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
