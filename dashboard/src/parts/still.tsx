/** A part that is drawn anew only if what it shows has changed: where there are hundreds of it. */

import { Component, type ComponentType } from "preact";

export function still<Props extends object>(Drawn: ComponentType<Props>): ComponentType<Props> {
  return class extends Component<Props> {
    override shouldComponentUpdate(next: Props): boolean {
      const before = this.props as Record<string, unknown>;
      const after = Object.entries(next).filter(([name]) => name !== "children");
      return after.some(([name, value]) => before[name] !== value);
    }

    override render() {
      return <Drawn {...(this.props as Props)} />;
    }
  };
}
