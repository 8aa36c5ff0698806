/** The page: it asks for `/sessions.json` every two seconds, and for signed URLs. */
export const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Sessions</title>
<style>
  body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #222 }
  table { border-collapse: collapse; width: 100% }
  th, td { text-align: left; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid #ddd }
  input, select, button { font: inherit }
  output { display: block; overflow-wrap: anywhere; margin: .5rem 0 }
</style>
<h1>Sessions</h1>
<table><thead><tr><th>role<th>stream<th>address<th>since<th>until</thead><tbody id="sessions"></tbody></table>
<h2>A signed URL</h2>
<form id="sign">
  <select name="action"><option>play<option>publish</select>
  <input name="stream" value="show" required pattern="[\\w\\-]+">
  <input name="seconds" type="number" value="3600" min="1" max="86400"> seconds
  <button>Sign</button>
</form>
<output id="url"></output>
<h2>Files</h2>
<ul id="files"></ul>
<script>
  const cells = (row, texts) => texts.forEach((text) => (row.insertCell().textContent = text ?? ''));
  async function show() {
    const { open, ended, files } = await (await fetch('sessions.json')).json();
    sessions.replaceChildren();
    for (const one of [...open, ...ended])
      cells(sessions.insertRow(), [one.role, one.stream, one.ip, one.startedAt, [one.endedAt, one.reason].filter(Boolean).join(' ')]);
    document.getElementById('files').replaceChildren(
      ...files.map((file) => Object.assign(document.createElement('li'), { textContent: file })));
  }
  sign.onsubmit = async (event) => {
    event.preventDefault();
    const wish = Object.fromEntries(new FormData(sign));
    const answer = await fetch('signed-urls', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...wish, seconds: Number(wish.seconds) }),
    });
    const { urls, message } = await answer.json();
    url.textContent = urls?.join('\\n') ?? message;
  };
  show();
  setInterval(show, 2000);
</script>
</html>
`;
