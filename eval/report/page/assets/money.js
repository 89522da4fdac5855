// Costs under the reader's assumptions: evaluates the formulas of eval/cost/money_formulas.py.
const money = (() => {
  const operations = {
    "+": (a, b) => a + b,
    "-": (a, b) => a - b,
    "*": (a, b) => a * b,
    "/": (a, b) => a / b,
    "min": Math.min,
    "max": Math.max,
    "sum": (...terms) => terms.reduce((sum, each) => sum + each, 0),
  };

  // Evaluates steps of a table (eval/cost/formula.py), each at most once.
  function evaluator(steps, inputs) {
    const known = new Map();
    function evaluate(operation, parts) {
      if (operation === "value") return parts[0];
      if (operation === "input") return inputs[parts[0]];
      if (operation === "choose") return at(at(parts[0]) > at(parts[1]) ? parts[2] : parts[3]);
      return operations[operation](...parts.map(at));
    }
    function at(index) {
      if (!known.has(index)) {
        const [operation, ...parts] = steps[index];
        known.set(index, evaluate(operation, parts));
      }
      return known.get(index);
    }
    return indices => Object.fromEntries(
      Object.entries(indices).map(([name, index]) => [name, at(index)]));
  }

  function calculate(data, assumed) {
    const kept = evaluator(data.steps, assumed)(data.originals[assumed.originals_class ?? ""]);
    return evaluator(data.steps, {...assumed, ...kept})(data.classes[assumed.storage_class]);
  }

  // Reads the form; null while something in it is no number, or out of range.
  function read(form) {
    if (!form.checkValidity()) return null;
    const assumed = {};
    for (const field of form.elements) {
      if (!field.name) continue;
      assumed[field.name] = field.dataset.factor
        ? field.valueAsNumber / Number(field.dataset.factor) : field.value || null;
    }
    return assumed.terabytes > 0 ? assumed : null;
  }

  function words(result) {
    const {pays, break_even: at, payback_months: months, smallest_tb: least} = result;
    const never = pays === "always" ? "however often objects are read"
      : "not under these assumptions";
    return {
      pays: [at ?? pays, at === null ? never
        : `${pays} ${format.number(at, 1)} reads per object and month`],
      payback_months: [months ?? "never",
        months === null ? "never" : `${format.number(months, 1)} months`],
      smallest_tb: [least ?? "none", least === null ? "none" : `about ${format.number(least, 1)} TB`],
      terabytes: [result.terabytes, result.terabytes.toLocaleString("en-US")],
    };
  }

  function show(result, symbol) {
    const said = words(result);
    const largest = Math.max(result["now.total"], result["then.total"]);
    for (const element of document.querySelectorAll("[data-money]")) {
      const name = element.dataset.money;
      const value = result[name];
      const [exact, text] = said[name] ?? [value, format.amount(value, symbol, name.includes(".") ? largest : 0)];
      element.value = String(exact);
      element.textContent = text;
    }
  }

  function start() {
    const data = document.getElementById("money-data");
    const form = document.getElementById("money-form");
    if (!data || !form) return;
    const model = JSON.parse(data.textContent);
    form.addEventListener("input", () => {
      const assumed = read(form);
      if (assumed) show(calculate(model, assumed), model.symbol);
    });
    form.addEventListener("submit", event => event.preventDefault());
  }

  start();
  return {calculate};
})();
