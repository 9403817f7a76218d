/** Form controls: React Aria's behaviour with this page's look. Each has a label, shown or spoken. */
import clsx from 'clsx'
import { Check, ChevronDown, Minus, Plus } from 'lucide-react'
import { useEffect, useRef, type CSSProperties, type ReactNode, type Ref } from 'react'
import {
  Button,
  Checkbox as AriaCheckbox,
  FieldError,
  Group,
  Input,
  Label,
  ListBox,
  ListBoxItem,
  NumberField as AriaNumberField,
  Popover,
  Select as AriaSelect,
  SelectValue,
  Slider as AriaSlider,
  SliderOutput,
  SliderThumb,
  SliderTrack,
  Switch as AriaSwitch,
  Text,
  TextArea as AriaTextArea,
  TextField as AriaTextField,
  ToggleButton,
  ToggleButtonGroup,
  type Key,
} from 'react-aria-components'
import styles from './fields.module.css'

interface Labelled {
  label: string
  /** Keep the label for screen readers alone. */
  labelHidden?: boolean
  hint?: ReactNode
  error?: string | null
  className?: string
}

function FieldLabel({ label, labelHidden }: Pick<Labelled, 'label' | 'labelHidden'>) {
  return <Label className={labelHidden ? 'visually-hidden' : styles.label}>{label}</Label>
}

function Under({ hint, error }: Pick<Labelled, 'hint' | 'error'>) {
  return (
    <>
      {hint && !error ? (
        <Text slot="description" className={styles.hint}>
          {hint}
        </Text>
      ) : null}
      <FieldError className={styles.error}>{error}</FieldError>
    </>
  )
}

type TextProps = Labelled & {
  value: string
  onChange: (value: string) => void
  placeholder?: string
  maxLength?: number
  isDisabled?: boolean
  isRequired?: boolean
  autoFocus?: boolean
}

export function TextField({
  label,
  labelHidden,
  hint,
  error,
  className,
  placeholder,
  type = 'text',
  autoComplete,
  inputRef,
  ...rest
}: TextProps & {
  type?: 'text' | 'password' | 'search'
  autoComplete?: string
  inputRef?: Ref<HTMLInputElement>
  name?: string
}) {
  return (
    <AriaTextField
      {...rest}
      type={type}
      autoComplete={autoComplete}
      isInvalid={Boolean(error)}
      className={clsx(styles.field, className)}
    >
      <FieldLabel label={label} labelHidden={labelHidden} />
      <Input ref={inputRef} className={styles.input} placeholder={placeholder} />
      <Under hint={hint} error={error} />
    </AriaTextField>
  )
}

export function TextArea({
  label,
  labelHidden,
  hint,
  error,
  className,
  placeholder,
  rows,
  areaRef,
  areaClassName,
  dir,
  ...rest
}: TextProps & { rows?: number; areaRef?: Ref<HTMLTextAreaElement>; areaClassName?: string; dir?: 'auto' }) {
  return (
    <AriaTextField {...rest} isInvalid={Boolean(error)} className={clsx(styles.field, className)}>
      <FieldLabel label={label} labelHidden={labelHidden} />
      <AriaTextArea
        ref={areaRef}
        rows={rows}
        dir={dir}
        placeholder={placeholder}
        className={clsx(styles.input, styles.area, areaClassName)}
      />
      <Under hint={hint} error={error} />
    </AriaTextField>
  )
}

/** A number that may be left open: null shows the placeholder, as in 'auto'. */
export function NumberField({
  label,
  labelHidden,
  hint,
  error,
  className,
  value,
  onChange,
  placeholder,
  suffix,
  ...rest
}: Labelled & {
  value: number | null
  onChange: (value: number | null) => void
  placeholder?: string
  suffix?: string
  minValue?: number
  maxValue?: number
  step?: number
  isDisabled?: boolean
  formatOptions?: Intl.NumberFormatOptions
}) {
  return (
    <AriaNumberField
      {...rest}
      value={value ?? NaN}
      onChange={(next) => {
        onChange(Number.isNaN(next) ? null : next)
      }}
      isInvalid={Boolean(error)}
      className={clsx(styles.field, className)}
    >
      <FieldLabel label={label} labelHidden={labelHidden} />
      <Group className={styles.group}>
        <Input className={clsx(styles.input, 'num')} placeholder={placeholder} />
        {suffix ? <span className={styles.suffix}>{suffix}</span> : null}
        <Button slot="decrement" className={styles.step}>
          <Minus size={14} aria-hidden />
        </Button>
        <Button slot="increment" className={styles.step}>
          <Plus size={14} aria-hidden />
        </Button>
      </Group>
      <Under hint={hint} error={error} />
    </AriaNumberField>
  )
}

export interface Option<T extends string> {
  value: T
  label: string
  description?: string
  isDisabled?: boolean
}

/** Choose one of a list. `none` is the text of the choice that leaves it open, and then `value` may be null. */
export function Select<T extends string>({
  label,
  labelHidden,
  hint,
  className,
  value,
  onChange,
  options,
  none,
  isDisabled,
}: Labelled & {
  value: T | null
  onChange: (value: T | null) => void
  options: readonly Option<T>[]
  none?: string
  isDisabled?: boolean
}) {
  const OPEN = '\u0000'
  const items: Option<string>[] = none ? [{ value: OPEN, label: none }, ...options] : [...options]
  return (
    <AriaSelect
      value={value ?? (none ? OPEN : null)}
      onChange={(key: Key | null) => {
        onChange(key === OPEN || key === null ? null : (String(key) as T))
      }}
      isDisabled={isDisabled}
      className={clsx(styles.field, className)}
    >
      <FieldLabel label={label} labelHidden={labelHidden} />
      <Button className={styles.select}>
        <SelectValue className={styles.selectValue} data-placeholder={value === null || undefined} />
        <ChevronDown size={16} aria-hidden />
      </Button>
      <Under hint={hint} />
      <Popover className={styles.popover} offset={4}>
        <ListBox items={items} className={styles.list}>
          {(item) => (
            <ListBoxItem
              id={item.value}
              textValue={item.label}
              isDisabled={item.isDisabled}
              className={styles.item}
            >
              <Text slot="label">{item.label}</Text>
              {item.description ? <Text slot="description">{item.description}</Text> : null}
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </AriaSelect>
  )
}

interface OnOff {
  children: ReactNode
  isSelected: boolean
  onChange: (on: boolean) => void
  isDisabled?: boolean
  className?: string
}

export function Switch({ children, className, ...rest }: OnOff) {
  return (
    <AriaSwitch {...rest} className={clsx(styles.switch, className)}>
      <span className={styles.track} />
      {children}
    </AriaSwitch>
  )
}

export function Checkbox({ children, className, ...rest }: OnOff) {
  return (
    <AriaCheckbox {...rest} className={clsx(styles.switch, className)}>
      <span className={styles.check}>
        <Check size={13} strokeWidth={3} aria-hidden />
      </span>
      {children}
    </AriaCheckbox>
  )
}

/** One of a few, side by side. */
export function Segments<T extends string>({
  label,
  value,
  onChange,
  options,
  className,
}: {
  label: string
  value: T
  onChange: (value: T) => void
  options: readonly { value: T; label: ReactNode }[]
  className?: string
}) {
  return (
    <ToggleButtonGroup
      aria-label={label}
      selectionMode="single"
      disallowEmptySelection
      selectedKeys={[value]}
      onSelectionChange={(chosen) => {
        const [first] = chosen
        if (first !== undefined) onChange(String(first) as T)
      }}
      className={clsx(styles.segments, className)}
    >
      {options.map((option) => (
        <ToggleButton key={option.value} id={option.value} className={styles.segment}>
          {option.label}
        </ToggleButton>
      ))}
    </ToggleButtonGroup>
  )
}

/** A chip that is on or off. */
export function ToggleChip({
  children,
  isSelected,
  onChange,
}: {
  children: ReactNode
  isSelected: boolean
  onChange: (on: boolean) => void
}) {
  return (
    <ToggleButton isSelected={isSelected} onChange={onChange} className={styles.chip}>
      {children}
    </ToggleButton>
  )
}

/** A chip that does something. */
export function ActionChip({
  children,
  onPress,
  label,
  isDisabled,
}: {
  children: ReactNode
  onPress: () => void
  label?: string
  isDisabled?: boolean
}) {
  return (
    <Button onPress={onPress} aria-label={label} isDisabled={isDisabled} className={styles.chip}>
      {children}
    </Button>
  )
}

export function Chips({
  label,
  children,
  className,
}: {
  label: string
  children: ReactNode
  className?: string
}) {
  return (
    <div role="group" aria-label={label} className={clsx(styles.chips, className)}>
      {children}
    </div>
  )
}

export function Slider({
  label,
  labelHidden,
  value,
  onChange,
  onChangeEnd,
  minValue = 0,
  maxValue = 1,
  step = 0.01,
  format,
  isDisabled,
  className,
}: {
  label: string
  labelHidden?: boolean
  value: number
  onChange: (value: number) => void
  onChangeEnd?: (value: number) => void
  minValue?: number
  maxValue?: number
  step?: number
  format?: (value: number) => string
  isDisabled?: boolean
  className?: string
}) {
  const fill = `${((value - minValue) / (maxValue - minValue || 1)) * 100}%`
  const input = useRef<HTMLInputElement>(null)
  // The library reads out the bare number; people hear what they would see.
  useEffect(() => {
    if (format) input.current?.setAttribute('aria-valuetext', format(value))
  })
  return (
    <AriaSlider
      value={value}
      onChange={onChange}
      onChangeEnd={onChangeEnd}
      minValue={minValue}
      maxValue={maxValue}
      step={step}
      isDisabled={isDisabled}
      className={clsx(styles.slider, className)}
    >
      <FieldLabel label={label} labelHidden={labelHidden} />
      {labelHidden ? null : (
        <SliderOutput className={clsx('num', 'quiet')}>
          {format ? () => format(value) : undefined}
        </SliderOutput>
      )}
      <SliderTrack className={styles.sliderTrack} style={{ '--fill': fill } as CSSProperties}>
        <SliderThumb className={styles.thumb} inputRef={input} />
      </SliderTrack>
    </AriaSlider>
  )
}
