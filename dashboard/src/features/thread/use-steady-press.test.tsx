import { fireEvent, render, screen } from "@testing-library/react";
import { useRef } from "react";
import { describe, expect, it, vi } from "vitest";
import { useSteadyPress } from "./use-steady-press";

function Container(props: { onPress: () => void; onOther: () => void }) {
  const container = useRef<HTMLDivElement>(null);
  useSteadyPress(container);
  return (
    <div ref={container} data-testid="container">
      <button type="button" onClick={props.onPress}>
        Edit
      </button>
      <button type="button" onClick={props.onOther}>
        Remove
      </button>
    </div>
  );
}

function renderButtons() {
  const presses = { onPress: vi.fn(), onOther: vi.fn() };
  render(<Container {...presses} />);
  const button = screen.getByText("Edit");
  const moveTo = (top: number) =>
    vi.spyOn(button, "getBoundingClientRect").mockReturnValue(new DOMRect(0, top, 40, 20));
  moveTo(0);
  fireEvent.pointerDown(button, { isPrimary: true, button: 0, clientX: 5, clientY: 5 });
  return { ...presses, moveTo, other: screen.getByText("Remove") };
}

describe("a press in a thread", () => {
  it("reaches the button on which it began if that has moved", () => {
    const { onPress, onOther, moveTo, other } = renderButtons();
    moveTo(24);
    fireEvent.click(other, { detail: 1, clientX: 5, clientY: 5 });
    expect(onPress).toHaveBeenCalledTimes(1);
    expect(onOther).not.toHaveBeenCalled();
  });

  it("is cancelled by leaving a button that has not moved", () => {
    const { onPress } = renderButtons();
    fireEvent.click(screen.getByTestId("container"), { detail: 1, clientX: 5, clientY: 5 });
    expect(onPress).not.toHaveBeenCalled();
  });

  it("is cancelled by moving the pointer away", () => {
    const { onPress, moveTo } = renderButtons();
    moveTo(24);
    fireEvent.click(screen.getByTestId("container"), { detail: 1, clientX: 5, clientY: 60 });
    expect(onPress).not.toHaveBeenCalled();
  });

  it("does not take the keyboard's clicks", () => {
    const { onPress, onOther, moveTo, other } = renderButtons();
    moveTo(24);
    fireEvent.click(other, { detail: 0 });
    expect(onPress).not.toHaveBeenCalled();
    expect(onOther).toHaveBeenCalledTimes(1);
  });
});
