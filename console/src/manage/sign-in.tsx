import { useState } from 'preact/hooks';
import { basic, bearer } from './authorization.ts';
import { m } from './strings.ts';

interface SignInProps {
  /** What the API said to the credentials before. */
  readonly message: string;
  readonly wasWrong: boolean;
  readonly onSignIn: (authorization: string) => void;
}

/** Asks for a token, or for name and password. */
export function SignIn({ message, wasWrong, onSignIn }: SignInProps) {
  const [token, setToken] = useState('');
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const submit = (event: Event): void => {
    event.preventDefault();
    if (token.trim() !== '') onSignIn(bearer(token));
    else if (name !== '') onSignIn(basic(name, password));
  };
  return (
    <form class="card sign-in" onSubmit={submit}>
      <h2>{m.signIn}</h2>
      <p class="quiet">{m.signInLong}</p>
      {(wasWrong || message !== '') && (
        <p class="notice notice-bad" role="alert">
          {message === '' ? m.wrong : message}
        </p>
      )}
      <label>
        {m.token}
        <input
          type="password"
          autocomplete="off"
          value={token}
          onInput={({ currentTarget }) => setToken(currentTarget.value)}
        />
      </label>
      <p class="quiet">{m.orNamePassword}</p>
      <label>
        {m.name}
        <input
          autocomplete="username"
          value={name}
          onInput={({ currentTarget }) => setName(currentTarget.value)}
        />
      </label>
      <label>
        {m.password}
        <input
          type="password"
          autocomplete="current-password"
          value={password}
          onInput={({ currentTarget }) => setPassword(currentTarget.value)}
        />
      </label>
      <button type="submit" class="button">
        {m.signIn}
      </button>
    </form>
  );
}
