import { useParams } from 'react-router'
import { JobCard } from '@/features/queue/JobCard'
import { SongPage } from '@/features/song/SongPage'
import { SongTakes } from '@/features/takes/SongTakes'
import { SongTitle } from './SongTitle'

export function Component() {
  const { songId = '' } = useParams()
  return (
    <>
      <SongTitle songId={songId} />
      <SongPage
        key={songId}
        songId={songId}
        takes={<SongTakes songId={songId} />}
        jobCard={(job) => <JobCard job={job} withLog />}
      />
    </>
  )
}
