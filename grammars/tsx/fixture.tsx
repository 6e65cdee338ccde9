import { useState, type ReactNode } from "react";
//                                        ^^^^^ import "react"

interface Props<T> {
//        ^^^^^ interface Props
  readonly items: readonly T[];
}

/** Lists items. */
export function List<T extends object>({ items }: Props<T>): ReactNode {
//              ^^^^ function List 9-23 doc="Lists items."
//                                                ^^^^^ type
  const [open, setOpen] = useState(false);
//                        ^^^^^^^^ call
  return (
    <Frame title="a" onClick={toggle}>
{/* ghost */}
      {items.map((item) => <Row key={item.id} item={item} />)}
      <b.Deep />
    </Frame>
  );

}

export const Button = ({ label }: { label: string }) => <button>{label}</button>;
//           ^^^^^^ function Button
