/** The same function, which makes its result once for each argument: thousands of sessions keep what their vhost says. */
export function onePer<A extends object, R extends object>(make: (argument: A) => R): (argument: A) => R {
  const made = new WeakMap<A, R>();
  return (argument) => {
    let result = made.get(argument);
    if (result === undefined) {
      result = make(argument);
      made.set(argument, result);
    }
    return result;
  };
}
