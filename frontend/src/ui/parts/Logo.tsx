/** The mark: a stem with its holdfast, the root with which kelp keeps its place in any sea. */
export function Logo({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="9" fill="var(--accent)" />
      <g fill="none" stroke="var(--on-accent)" strokeWidth="2.2" strokeLinecap="round">
        <path d="M16 19V6.500" />
        <path
          d="M16 14.500c-.2-3.200-2.300-5.200-6.200-5.500.1 3.900 2.300 5.800 6.200 5.500Zm0-3.500c.2-2.800 2.100-4.500 5.600-4.800-.1 3.400-2.100 5.100-5.600 4.800Z"
          fill="var(--on-accent)"
          stroke="none"
        />
        <path d="M16 18.500c-.3 4.700-7.200 2.300-8.500 7M16 18.500c.3 4.700 7.200 2.300 8.500 7M16 19c-.2 3.500-2.600 3.200-3.200 6.500M16 19c.2 3.500 2.600 3.200 3.200 6.500" />
      </g>
    </svg>
  );
}
