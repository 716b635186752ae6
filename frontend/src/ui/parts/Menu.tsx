import { Check } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import type { ReactNode } from "react";
import { useLayer } from "./layer";

interface MenuProps {
  trigger: ReactNode;
  children: ReactNode;
  side?: "top" | "bottom";
  align?: "start" | "end";
}

/** A menu that does not lock the page's scrolling: the lock injects a <style>, which the CSP refuses. */
export function Menu({ trigger, children, side = "bottom", align = "end" }: MenuProps) {
  const layer = useLayer();
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal container={layer}>
        <DropdownMenu.Content className="menu" side={side} align={align} sideOffset={6} collisionPadding={8}>
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

export function MenuItem(props: {
  icon?: ReactNode;
  children: ReactNode;
  onSelect?: () => void;
  danger?: boolean;
  href?: string;
  testid?: string;
}) {
  const className = props.danger ? "menu-item danger" : "menu-item";
  if (props.href) {
    return (
      <DropdownMenu.Item className={className} asChild>
        <a href={props.href} data-testid={props.testid}>
          {props.icon}
          {props.children}
        </a>
      </DropdownMenu.Item>
    );
  }
  return (
    <DropdownMenu.Item className={className} data-testid={props.testid} onSelect={() => props.onSelect?.()}>
      {props.icon}
      {props.children}
    </DropdownMenu.Item>
  );
}

export interface Choice<T extends string> {
  value: T;
  label: string;
  hint?: string;
  testid?: string;
}

/** One of several; choosing keeps the menu open when `stay`. */
export function MenuChoices<T extends string>(props: {
  label?: string;
  value: T;
  choices: readonly Choice<T>[];
  onChoose: (value: T) => void;
  stay?: boolean;
}) {
  return (
    <DropdownMenu.RadioGroup value={props.value} onValueChange={(value) => props.onChoose(value as T)}>
      {props.label && <DropdownMenu.Label className="menu-label">{props.label}</DropdownMenu.Label>}
      {props.choices.map((choice) => (
        <DropdownMenu.RadioItem
          key={choice.value}
          value={choice.value}
          className="menu-item"
          data-testid={choice.testid}
          onSelect={(event) => props.stay && event.preventDefault()}
        >
          <span className="min-w-0 flex-1">
            {choice.label}
            {choice.hint && <span className="block max-w-64 text-xs text-ink-2">{choice.hint}</span>}
          </span>
          <DropdownMenu.ItemIndicator>
            <Check size={15} className="text-accent" />
          </DropdownMenu.ItemIndicator>
        </DropdownMenu.RadioItem>
      ))}
    </DropdownMenu.RadioGroup>
  );
}

export const MenuLine = () => <DropdownMenu.Separator className="menu-line" />;
export const MenuLabel = ({ children }: { children: ReactNode }) => (
  <DropdownMenu.Label className="menu-label">{children}</DropdownMenu.Label>
);
