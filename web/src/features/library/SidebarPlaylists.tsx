/** Playlists in the navigation column. */
export function SidebarPlaylists() {
  return null
}
